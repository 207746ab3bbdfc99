"""Tests of the second verifier: python3 -m unittest, in this directory.

They run the vectors of FORMAT.md, and files that are made here from the definitions of
RFC 6962 rather than from the code that is tested.
"""
import base64
import functools
import hashlib
import io
import json
import pathlib
import re
import shutil
import unittest

import verify as v

FORMAT = (pathlib.Path(__file__).parents[2] / "ledger/FORMAT.md").read_text(encoding="utf-8")
VECTORS = pathlib.Path(__file__).parents[1] / "vectors"
ORIGIN, LEDGER_ID, SECOND = "greffe/main/93c08259", "93c08259fddb9d0dd7e8d6ddd4b5ed6f", 10**9
START = 1767603600 * SECOND  # 2026-01-05T09:00:00Z


def blocks(name):
    return [b.strip("\n").split("\n") for b in re.findall(rf"```vector {name}\n(.*?)```", FORMAT, re.S)]


class Signer:
    """A key that signs, made from a word."""

    def __init__(self, word, name=ORIGIN, algorithm=1):
        h = hashlib.sha512(hashlib.sha256(word.encode()).digest()).digest()
        self.scalar, self.prefix = int.from_bytes(h[:32], "little") & (1 << 254) - 8 | 1 << 254, h[32:]
        self.public, self.name = v.point_encode(v.point_mul(self.scalar, v.BASE)), name
        key = bytes([algorithm]) + self.public
        self.id = hashlib.sha256(name.encode() + b"\n" + key).digest()[:4]
        self.text = f"{name}+{self.id.hex()}+{base64.b64encode(key).decode()}"

    @functools.lru_cache(maxsize=None)
    def sign(self, message):
        def number(*parts):
            return int.from_bytes(hashlib.sha512(b"".join(parts)).digest(), "little") % v.L
        r = number(self.prefix, message)
        point = v.point_encode(v.point_mul(r, v.BASE))
        return point + ((r + number(point, self.public, message) * self.scalar) % v.L).to_bytes(32, "little")

    def signature(self, message, time=None):
        if time is not None:
            message = f"cosignature/v1\ntime {time}\n".encode() + message
        stamp = b"" if time is None else time.to_bytes(8, "big")
        return base64.b64encode(self.id + stamp + self.sign(message)).decode()

    def line(self, text, time=None):
        return f"\u2014 {self.name} {self.signature(text.encode(), time)}\n"


def mth(leaves):
    """RFC 6962 section 2.1."""
    if len(leaves) < 2:
        return leaves[0] if leaves else hashlib.sha256().digest()
    k = 1 << (len(leaves) - 1).bit_length() - 1
    return hashlib.sha256(b"\1" + mth(leaves[:k]) + mth(leaves[k:])).digest()


def path(m, leaves):
    """RFC 6962 section 2.1.1."""
    if len(leaves) == 1:
        return []
    k = 1 << (len(leaves) - 1).bit_length() - 1
    return path(m, leaves[:k]) + [mth(leaves[k:])] if m < k else path(m - k, leaves[k:]) + [mth(leaves[:k])]


def subproof(m, leaves, whole=True):
    """RFC 6962 section 2.1.2."""
    if m == len(leaves):
        return [] if whole else [mth(leaves)]
    k = 1 << (len(leaves) - 1).bit_length() - 1
    if m <= k:
        return subproof(m, leaves[:k], whole) + [mth(leaves[k:])]
    return subproof(m - k, leaves[k:], False) + [mth(leaves[:k])]


def event(kind, data):
    return json.dumps({"data": data, "type": kind}, sort_keys=True, separators=(",", ":")).encode()


class Ledger:
    """A ledger that grows by one entry a second, and the files that are written of it."""

    def __init__(self, signer):
        self.raw, self.payloads, self.leaves, self.signer = [], [], [], signer
        self.add("ledger.opened.v1", {"calendar": "FR", "format": 1, "ledger": "main", "ledger_id": LEDGER_ID, "origin": ORIGIN,
                                      "vkey": signer.text, "zone": "Europe/Paris"}, "greffe", "ledger/main")

    def add(self, kind="a.b.v1", data=None, publisher="security", aggregate="breach/1", **other):
        seq, payload = len(self.raw), other.get("payload") or event(kind, data or {"n": len(self.raw)})
        prev = self.leaves[-1] if seq else hashlib.sha256(b"greffe genesis v1" + bytes.fromhex(LEDGER_ID)).digest()
        raw = v.FIXED.pack(1, other.get("disposition", 1), seq, prev, other.get("epoch", 1), seq + 1 + other.get("shift", 0), other.get("at", START + seq * SECOND),
                           hashlib.sha256(payload).digest(), len(payload), b"\1" * 16)
        raw += b"".join(bytes([len(n)]) + n.encode() for n in (publisher, kind, aggregate))
        self.raw.append(raw)
        self.payloads.append(payload)
        self.leaves.append(hashlib.sha256(b"\0" + raw).digest())
        return seq

    def rotate(self, old, new, **other):
        text = f"greffe key rotation v1\n{old.text}\n{new.text}\n".encode()
        data = {"old_vkey": old.text, "new_vkey": new.text, "old_signature": old.signature(text), "new_signature": new.signature(text)}
        return self.add("ledger.key_rotated.v1", {**data, **other}, "greffe", "ledger/main")

    def revoke(self, key, *to):
        data = {"vkey": key.text, **({"trusted_to": to[0]} if to else {})}
        return self.add("ledger.key_revoked.v1", data, "greffe", "ledger/main")

    def text(self, size=None, root=None):
        leaves = self.leaves[:size]
        return f"{ORIGIN}\n{len(leaves)}\n{base64.b64encode(root or mth(leaves)).decode()}\n"

    def note(self, *lines, signer=None, **of):
        text = self.text(**of)
        return (text + "\n" + (signer or self.signer).line(text) + "".join(s.line(text, time) for s, time in lines)).encode()

    def record(self, seq, absent=()):
        tail = b"\0" if seq in absent else b"\1" + self.payloads[seq]
        return len(self.raw[seq]).to_bytes(2, "big") + self.raw[seq] + tail

    def consistency(self, old):
        return 6, old.to_bytes(8, "big") + b"".join(subproof(old, self.leaves) if old else [])

    def whole(self, *sections, absent=(), note=None):
        return self.file(1, [b"\1" + self.record(i, absent) for i in range(len(self.raw))],
                         [(1, note or self.note()), *sections], absent)

    def excerpt(self, scope, seqs, *sections, absent=(), note=None, proofs=None):
        sections = [(1, note or self.note()), *sections]
        if scope is not None:
            sections.append((7, scope if isinstance(scope, bytes) else json.dumps(scope, sort_keys=True, separators=(",", ":")).encode()))
        records = []
        for seq in seqs:
            hashes = path(seq, self.leaves)
            proof = b"\xff" if seq + 1 in seqs else bytes([len(hashes)]) + b"".join(hashes)
            records.append(b"\1" + self.record(seq, absent) + (proofs or {}).get(seq, proof))
        return self.file(2, records, sections, absent, seqs)

    def file(self, version, records, sections, absent, seqs=None):
        seqs = range(len(self.raw)) if seqs is None else seqs
        covered = [r.replace(self.payloads[i], b"", 0 if i in absent else 1) for i, r in zip(seqs, records)]
        sections = [b"\2" + bytes([k]) + len(b).to_bytes(4, "big") + b for k, b in sections]
        head = b"\x89GREFFE\n" + version.to_bytes(2, "big")
        data, hashed = (b"".join([head, *parts, b"\0"]) for parts in (
            (*records, *sections) if version == 1 else (*sections, *records), (*covered, *sections) if version == 1 else (*sections, *covered)))
        return data + hashlib.sha256(hashed).digest()

    def proof(self, seq, absent=(), note=None, index=None, hashes=None):
        lines = [b"c2sp.org/tlog-proof@v1", b"extra " + base64.b64encode(self.record(seq, absent)),
                 b"index " + str(seq if index is None else index).encode()]
        lines += map(base64.b64encode, path(seq, self.leaves) if hashes is None else hashes)
        return b"\n".join(lines) + b"\n\n" + (note or self.note())


A, B, C = Signer("key A"), Signer("key B"), Signer("key C")
W = [Signer(f"witness {i}", f"witness.example/{i}", 4) for i in range(3)]


def ledger(n=10):
    made = Ledger(A)
    while len(made.raw) < n:
        made.add(aggregate=f"breach/{len(made.raw) % 3}", publisher=("security", "website")[len(made.raw) % 2])
    return made


def policy(quorum="q", group="group q 2 w0 w1 w2"):
    lines = [f"witness w{i} {w.text}" for i, w in enumerate(W)]
    return v.Policy(("\n".join([f"# whom we believe\nlog {A.text}", *lines, group, f"quorum {quorum}"]) + "\n").encode())


def judge(data, key=A, policy=None, since=None, roots=None, demand=None):
    brought = v.Brought(v.parse_key(key.text), policy, v.parse_checkpoint(since) if since else None, roots, demand)
    verifier = (v.Proof if data.startswith(v.PROOF) else v.Bundle)(io.BytesIO(data), brought)
    verifier.run()
    return verifier.report("it")


def brief(out):
    """As one line: exit code, what is not sound and does not follow from something else, the first fault."""
    follows = {"scope": out["signature"] != "sound", "erasure": out["content"] == "failed",
               "time": out["content"] == "failed" or out["signature"] != "sound"}
    words = [f"{n} {out[n]}" for n in ("content", "signature", "time", "scope", "erasure")
             if out[n] not in ("sound", "not_claimed") and not (out[n] == "unconfirmed" and follows.get(n))]
    return "; ".join([str(out["exit"]), *words] + [f"{fault['code']} {fault['seq']}" for fault in out["faults"][:1]])


class Vectors(unittest.TestCase):
    def test_bundle(self):
        data = bytes.fromhex("".join(blocks("bundle")[0]))
        vkey = dict(line.split(None, 1) for line in blocks("checkpoint")[0])["vkey"]
        verifier = v.Bundle(io.BytesIO(data), v.Brought(v.parse_key(vkey)))
        verifier.run()
        self.assertEqual(brief(verifier.report("it")), "0")

    def test_key_rotation(self):
        f = dict(line.split(None, 1) for line in blocks("key-rotation")[0])
        keys = v.Keys({"origin": ORIGIN, "vkey": f["old_vkey"]})
        keys.rotate(3, f["old_vkey"], f["new_vkey"], f["old_signature"], f["new_signature"])
        self.assertEqual(f["text"], f"greffe key rotation v1\n{f['old_vkey']}\n{f['new_vkey']}\n".encode().hex())
        self.assertEqual(keys.keys[-1].text, f["new_vkey"])

    def test_key_history(self):
        signers = {c: Signer(f"greffe key {c}") for c in "ABCDEF"}
        for block in blocks("key-history"):
            made = Ledger(signers["A"])
            keys = v.Keys({"origin": ORIGIN, "vkey": signers["A"].text})
            for line in block:
                word, *rest = line.split()
                if word == "judge":
                    key, reached = keys.judge(v.parse_key(signers[rest[0]].text), int(rest[1]))
                    known = v.parse_key(signers[rest[0]].text) in keys.keys
                    got = "unknown" if not known else [c for c in signers if signers[c].text == key.text][0] if reached else "revoked"
                    self.assertEqual(got, rest[2], line)
                    continue
                seq, what, *args = rest
                void = args[-1] == "void"
                args = args[:-1] if void else args
                while len(made.raw) < int(seq):
                    made.add()
                made.rotate(signers[args[0]], signers[args[1]]) if what == "rotate" else made.revoke(signers[args[0]], *map(int, args[1:]))
                try:
                    keys.apply(v.Header(made.raw[-1]), made.payloads[-1])
                    self.assertFalse(void, line)
                except ValueError:
                    self.assertTrue(void, line)

    def test_cosignature(self):
        f = dict(line.split(None, 1) for line in blocks("cosignature")[0])
        text, line = bytes.fromhex(f["text"]).decode(), bytes.fromhex(f["line"]).decode()
        note = v.parse_checkpoint((text + "\n" + line).encode())
        self.assertEqual(v.cosigned_at(note, v.parse_key(f["vkey"], 4)), int(f["time"]))

    def test_headers_and_json(self):
        for block in blocks("entry-reject"):
            for line in block:
                self.assertFalse(v.Header(bytes.fromhex(line.split()[0])).ok, line)
        for block in blocks("entry"):
            f = dict((line.split(None, 1) + [""])[:2] for line in block)
            self.assertTrue(v.Header(bytes.fromhex(f["header"])).ok)
            self.assertEqual(v.Header(bytes.fromhex(f["header"])).leaf.hex(), f["leaf"])
        for line in blocks("canonical-json")[0]:
            word, text = line.split(" ", 1)
            data = text.rpartition(" // ")[0] if word != "accept" else text
            data = bytes.fromhex(data) if word == "reject-hex" else data.encode()
            try:
                v.parse_canonical(data)
                self.assertEqual(word, "accept", line)
            except ValueError:
                self.assertNotEqual(word, "accept", line)


class Trees(unittest.TestCase):
    def test_proofs(self):
        leaves = [hashlib.sha256(bytes([i])).digest() for i in range(20)]
        for n in range(1, 20):
            root = mth(leaves[:n])
            for m in range(n):
                good = path(m, leaves[:n])
                self.assertTrue(v.holds_inclusion(m, leaves[m], v.Note("", "", n, root, []), good))
                for bad in (good + [root], good[:-1] + [root], good[:-1] if good else [root]):
                    self.assertFalse(v.holds_inclusion(m, leaves[m], v.Note("", "", n, root, []), bad), (m, n))
                if not m:
                    continue
                good = subproof(m, leaves[:n])
                self.assertTrue(v.holds_consistency(m, mth(leaves[:m]), n, root, good), (m, n))
                self.assertIsNot(v.holds_consistency(m, root, n, root, good), True)
                for bad in (good + [root], good[:-1] + [leaves[0]], good[:-1]):
                    self.assertIs(v.holds_consistency(m, mth(leaves[:m]), n, root, bad), v.VOID, (m, n))


class Excerpts(unittest.TestCase):
    def test_scopes(self):
        made = ledger()
        def at(n):
            return f"2026-01-05T09:00:{n:02}Z"
        cases = [
            ({"by": "range", "from": 4, "to": 7}, [0, 4, 5, 6], "0"),
            ({"by": "range", "from": 0, "to": 10}, range(10), "0"),
            ({"by": "range", "from": 4, "to": 7}, [0, 4, 6], "3; scope failed; V029 5"),
            ({"by": "range", "from": 4, "to": 7}, [0, 5, 6], "3; scope failed; V029 4"),
            ({"by": "range", "from": 4, "to": 7}, [0, 4, 5], "3; scope failed; V029 6"),
            ({"by": "range", "from": 4, "to": 7}, [0], "3; scope failed; V029 4"),
            ({"by": "range", "from": 4, "to": 7}, [0, 4, 5, 6, 8], "3; scope failed; V028 8"),
            ({"by": "range", "from": 8, "to": 11}, [0, 8, 9], "3; scope failed; V029 10"),
            ({"by": "range", "from": 4, "to": 7}, [4, 5, 6], "3; content failed; scope failed; V006 0"),
            ({"by": "period", "from": at(3), "to": at(6)}, [0, 2, 3, 4, 5, 6], "0"),
            ({"by": "period", "from": at(0), "to": at(2)}, [0, 1, 2], "0"),
            ({"by": "period", "from": at(8), "to": at(59)}, [0, 7, 8, 9], "0"),
            ({"by": "period", "from": at(20), "to": at(59)}, [0, 9], "0"),
            ({"by": "period", "from": "1970-01-01T00:00:00Z", "to": at(0)}, [0], "0"),
            ({"by": "period", "from": at(3), "to": at(6)}, [0, 3, 4, 5, 6], "3; scope failed; V029 2"),
            ({"by": "period", "from": at(3), "to": at(6)}, [0, 2, 3, 5, 6], "3; scope failed; V029 4"),
            ({"by": "period", "from": at(3), "to": at(6)}, [0, 2, 3, 4, 5], "3; scope failed; V029 6"),
            ({"by": "period", "from": at(3), "to": at(6)}, [0, 1, 2, 3, 4, 5, 6], "3; scope failed; V028 1"),
            ({"by": "period", "from": at(3), "to": at(6)}, [0, 2, 3, 4, 5, 6, 7], "3; scope failed; V028 7"),
            ({"by": "aggregate", "names": ["breach/1"]}, [0, 1, 4, 7], "4; scope unconfirmed"),
            ({"by": "aggregate", "names": ["breach/1"]}, [0, 1, 2, 4, 7], "3; scope failed; V028 2"),
            ({"by": "register", "names": ["breach"], "register": "breaches"}, [0, 1, 2], "4; scope unconfirmed"),
            ({"by": "publisher", "names": ["security", "website"]}, [0, 1, 2], "4; scope unconfirmed"),
            ({"by": "publisher", "names": ["website", "security"]}, [0], "3; content failed; scope failed; V027 None"),
            ({"by": "publisher", "names": []}, [0], "3; content failed; scope failed; V027 None"),
            ({"by": "register", "names": ["breach"]}, [0], "3; content failed; scope failed; V027 None"),
            ({"by": "range", "from": 4, "to": 4}, [0], "3; content failed; scope failed; V027 None"),
            ({"by": "range", "from": False, "to": True}, [0], "3; content failed; scope failed; V027 None"),
            ({"by": "period", "from": "2026-02-29T00:00:00Z", "to": "2026-03-01T00:00:00Z"}, [0], "3; content failed; scope failed; V027 None"),
            ({"by": "period", "from": at(3), "to": "2026-01-05T09:00:60Z"}, [0], "3; content failed; scope failed; V027 None"),
            ({"by": "all"}, [0], "3; content failed; scope failed; V027 None"),
            (b'{"by": "range"}', [0], "3; content failed; scope failed; V027 None"),
            (None, [0], "3; content failed; scope failed; V027 None"),
        ]
        for scope, seqs, want in cases:
            self.assertEqual(brief(judge(made.excerpt(scope, list(seqs)))), want, (scope, seqs))
        self.assertEqual(brief(judge(made.whole((7, b'{"by":"range","from":0,"to":9}')))), "3; content failed; scope failed; V027 None")

    def test_no_entry_chosen(self):
        made = ledger(5)
        made.add(at=START + 100 * SECOND)
        scope = {"by": "period", "from": "2026-01-05T09:00:30Z", "to": "2026-01-05T09:01:00Z"}
        self.assertEqual(brief(judge(made.excerpt(scope, [0, 4, 5]))), "0")
        self.assertEqual(brief(judge(made.excerpt(scope, [0, 3, 5]))), "3; scope failed; V029 4")
        self.assertEqual(brief(judge(made.excerpt(scope, [0, 4]))), "3; scope failed; V029 5")

    def test_proofs(self):
        made, scope = ledger(), {"by": "range", "from": 4, "to": 7}
        seqs = [0, 4, 5, 6]
        other = b"\4" + b"x" * 128
        cases = [
            ({6: other}, "3; content failed; V025 6"),
            ({6: b"\0"}, "3; content failed; V025 6"),
            ({6: b"\xff"}, "3; content failed; scope failed; V026 6"),
            ({0: b"\xff"}, "3; content failed; scope failed; V026 0"),
            ({4: bytes([4]) + b"".join(path(4, made.leaves))}, "0"),
            ({6: b"\x40"}, "3; content failed; signature unconfirmed; scope failed; V004 None"),
        ]
        for proofs, want in cases:
            self.assertEqual(brief(judge(made.excerpt(scope, seqs, proofs=proofs))), want, proofs)
        self.assertEqual(brief(judge(made.excerpt(scope, seqs, absent=[5]))), "4; erasure unconfirmed")
        self.assertEqual(brief(judge(made.excerpt(scope, seqs), key=B)), "3; signature failed; V023 None")
        fork = ledger()
        fork.raw[5] = fork.raw[5].replace(b"breach/2", b"breach/9")
        self.assertEqual(brief(judge(fork.excerpt(scope, seqs))), "3; content failed; V007 5")
        for cut in range(len(made.excerpt(scope, seqs))):
            self.assertEqual(judge(made.excerpt(scope, seqs)[:cut])["exit"], 3)

    def test_gaps(self):
        """The last two entries, with one between them that is not there."""
        cases = [
            (1, {}, "4; scope unconfirmed"),
            (1, {"at": START - 1}, "3; content failed; scope unconfirmed; V012 7"),
            (1, {"shift": 1}, "3; content failed; scope unconfirmed; V010 7"),
            (1, {"epoch": 3, "shift": -5}, "4; scope unconfirmed"),
            (2, {"epoch": 1}, "3; content failed; scope unconfirmed; V011 7"),
        ]
        for epoch, other, want in cases:
            made = ledger(5)
            made.add(epoch=epoch)
            made.add(epoch=epoch)
            made.add(**other)
            scope = {"by": "publisher", "names": ["security"]}
            self.assertEqual(brief(judge(made.excerpt(scope, [0, 5, 7]))), want, other)

    def test_demands(self):
        made, scope = ledger(), {"by": "range", "from": 4, "to": 7}
        whole, proof = made.whole(), made.proof(4)
        ranged, named = made.excerpt(scope, [0, 4, 5, 6]), made.excerpt({"by": "publisher", "names": ["security", "website"]}, [0, 2, 3, 4, 6])
        period = made.excerpt({"by": "period", "from": "2026-01-05T09:00:03Z", "to": "2026-01-05T09:00:06Z"}, [0, 2, 3, 4, 5, 6])
        at = "2026-01-05T10:00:{:02}+01:00".format
        cases = [
            (whole, "2", "10", "0"), (whole, "2", "11", "4; scope unconfirmed"), (whole, at(2), None, "0"), (whole, None, "10", "0"),
            (ranged, "4", "7", "0"), (ranged, "5", "6", "0"), (ranged, "0", "1", "0"), (ranged, "3", "5", "4; scope unconfirmed"),
            (ranged, at(5), at(6), "0"), (ranged, at(4), at(6), "4; scope unconfirmed"), (ranged, at(7), None, "4; scope unconfirmed"),
            (period, at(3), at(6), "0"), (period, at(2), at(6), "4; scope unconfirmed"), (period, "2026-01-05T09:00:02.5Z", at(4), "0"),
            (named, "2", "5", "0"), (named, "4", "7", "4; scope unconfirmed"),
            (named, None, None, "4; scope unconfirmed"), (proof, "4", "5", "0"), (proof, "4", "6", "4; scope unconfirmed"), (proof, at(4), at(5), "4; scope unconfirmed"),
        ]
        for i, (data, first, end, want) in enumerate(cases):
            self.assertEqual(brief(judge(data, demand=v.parse_demand(first, end))), want, (i, first, end))
        changed = whole.replace(b'{"n":3}', b'{"n":4}')
        for demand, size, want in (((2, 4), None, "3; content failed; V013 3"), ((4, 9), None, "0"), (None, 8, "0"), ((4, 9), 8, "0")):
            out = judge(changed, demand=demand and ("range", *demand), since=size and made.note(size=size))
            self.assertEqual(brief(out), want, (demand, size))
        for first, end in (("3", None), ("3", "3"), ("x", "3"), (at(3), "4"), (at(3), at(3)), ("1969-12-31T23:59:59Z", at(3)), ("2026-02-30T00:00:00Z", None)):
            self.assertRaises(ValueError, v.parse_demand, first, end)

    def test_other_sections(self):
        made, scope = ledger(), {"by": "range", "from": 0, "to": 10}
        def stamp(**of):
            text = made.text(**of).encode()
            return 3, len(text).to_bytes(2, "big") + text + b"\x30\0"
        cases = [
            ([made.consistency(6)], "0"),
            ([made.consistency(0), made.consistency(10)], "0"),
            ([made.consistency(6), made.consistency(6)], "3; content failed; V037 None"),
            ([(6, bytes(8) + bytes(32))], "3; content failed; V037 None"),
            ([(6, bytes(7))], "3; content failed; V037 None"),
            ([(6, (3).to_bytes(8, "big") + bytes(31))], "3; content failed; V037 None"),
            ([(6, (11).to_bytes(8, "big") + bytes(32))], "3; content failed; V037 None"),
            ([stamp(size=6)], "4; time unconfirmed"),
            ([stamp(size=6), made.consistency(6)], "4; time unconfirmed"),
            ([stamp()], "4; time unconfirmed"),
            ([stamp(root=bytes(32))], "3; time failed; V031 None"),
            ([stamp(size=6, root=bytes(32)), made.consistency(6)], "3; time failed; V031 None"),
            ([stamp(size=6), (6, (6).to_bytes(8, "big") + bytes(96))], "3; content failed; V037 None"),
            ([(3, b"\0\5abc")], "3; time failed; V030 None"),
            ([(2, b"no note")], "3; time failed; V030 None"),
            ([(2, made.note(size=6)), made.consistency(6)], "4; time unconfirmed"),
            ([(2, made.note(size=6, root=bytes(32))), made.consistency(6)], "3; content failed; V033 None"),
            ([(2, made.note(size=6, root=bytes(32), signer=B)), made.consistency(6)], "3; time failed; V031 None"),
            ([(2, made.note(size=0)), (2, made.note())], "4; time unconfirmed"),
            ([(4, b"")], "4; signature unconfirmed"),
            ([(5, b"")], "4; erasure unconfirmed"),
        ]
        for sections, want in cases:
            self.assertEqual(brief(judge(made.excerpt(scope, list(range(10)), *sections))), want, sections)
            self.assertEqual(brief(judge(made.whole(*sections))), want, sections)
        larger = ledger(12)
        for signer in (A, B):
            self.assertEqual(brief(judge(made.whole((2, larger.note(signer=signer))))), "3; time failed; V031 None")

    def test_since(self):
        made, scope = ledger(), {"by": "range", "from": 4, "to": 6}
        excerpt, whole, proof = made.excerpt(scope, [0, 4, 5], made.consistency(6)), made.whole(), made.proof(4)
        bad = made.note(size=6, root=bytes(32))
        cases = [
            (whole, made.note(size=6), "0"), (excerpt, made.note(size=6), "0"), (excerpt, made.note(), "0"), (whole, made.note(), "0"),
            (whole, made.note(size=0), "0"), (excerpt, made.note(size=0), "0"), (proof, made.note(), "0"),
            (excerpt, made.note(size=5), "4; scope unconfirmed"), (proof, made.note(size=5), "4; scope unconfirmed"),
            (whole, bad, "3; content failed; V033 None"), (excerpt, bad, "3; content failed; V033 None"),
            (whole, ledger(12).note(), "3; scope failed; V034 None"), (excerpt, ledger(12).note(), "3; scope failed; V034 None"),
        ]
        for data, since, want in cases:
            self.assertEqual(brief(judge(data, since=since)), want, since)
        self.assertRaises(ValueError, judge, whole, since=made.note().replace(b"greffe/main", b"greffe/else"))


class KeysInBundles(unittest.TestCase):
    def test_rotated(self):
        made = ledger(4)
        self.assertEqual(made.rotate(A, B), 4)
        made.add()
        for data in (made.whole(note=made.note(signer=B)), made.excerpt({"by": "range", "from": 1, "to": 3}, [0, 1, 2, 4], note=made.note(signer=B))):
            self.assertEqual([brief(judge(data, key=k)) for k in (A, B, C)], ["0", "0", "3; signature failed; V023 None"])
        data = made.whole(note=made.note(signer=A))
        self.assertEqual([brief(judge(data, key=k)) for k in (A, B)], ["3; signature failed; V023 None"] * 2)
        data = made.whole(note=made.note(signer=B), absent=[4])
        self.assertEqual(brief(judge(data, key=B)), "3; signature failed; erasure unconfirmed; V036 4")
        data = made.whole((2, made.note(size=4, root=bytes(32))), made.consistency(4), note=made.note(signer=B))
        self.assertEqual(brief(judge(data, key=B)), "3; content failed; V037 None")  # a power of two: no fork is shown
        made.revoke(A, 4)
        data = made.whole(note=made.note(signer=B))
        self.assertEqual([brief(judge(data, key=k)) for k in (A, B)], ["3; signature failed; V024 None", "0"])

    def test_void(self):
        made = ledger(4)
        made.rotate(A, B, old_signature=A.signature(b"something else"))
        made.rotate(B, C)
        made.revoke(C)
        made.add("ledger.key_revoked.v1", payload=b'{"data":{"vkey":"\xc3\xa9"},"type":"ledger.key_revoked.v1"}', publisher="greffe", aggregate="ledger/main")
        out = judge(made.whole())
        self.assertEqual((brief(out), out["void"]), ("0", [4, 5, 6, 7]))

    def test_equal_key_hashes(self):
        made = ledger(4)
        twin = v.parse_key(A.text)._replace(public=B.public)  # as if 32 bits had been searched
        verifier = v.Bundle(io.BytesIO(made.whole()), v.Brought(twin))
        verifier.run()
        self.assertEqual(brief(verifier.report("it")), "3; signature failed; V023 None")


class Witnesses(unittest.TestCase):
    def test_policy_on_bundles(self):
        made, scope = ledger(), {"by": "range", "from": 0, "to": 10}
        two = made.note((W[0], 500), (W[2], 300), (W[2], 200))
        early = (2, made.note((W[0], 50), (W[1], 40), (W[2], 60), size=6))
        wrong = two.replace(W[0].line(made.text(), 500).encode(), W[0].line(made.text(6), 500).encode())
        cases = [
            (made.whole(note=two), policy(), "0", [(10, 500)]),
            (made.whole(), policy(), "4; time unconfirmed", []),
            (made.whole(), policy("none"), "0", [(10, None)]),
            (made.whole(note=two), policy(group="group q all w0 w1 w2"), "4; time unconfirmed", []),
            (made.whole(note=two), policy(group="group g any w1 w2\ngroup q 2 g w0"), "0", [(10, 500)]),
            (made.whole(note=wrong), policy(), "3; time failed; V032 None", []),
            (made.whole(note=wrong), None, "0", []),
            (made.whole(note=two), policy(group="group q any w2"), "0", [(10, 200)]),
            (made.whole(note=two), policy("w2", group="group q any w1"), "0", [(10, 200)]),
            (made.whole(note=two), policy("w1", group="group q any w0"), "4; time unconfirmed", []),
            (made.excerpt(scope, range(10), early, made.consistency(6)), policy(), "0", [(6, 50)]),
            (made.excerpt(scope, range(10), early), policy(), "4; time unconfirmed", []),
            (made.excerpt(scope, range(10), early, note=two), policy(), "4; time unconfirmed", [(10, 500)]),
            (made.proof(4, note=two), policy(), "0", [(10, 500)]),
            (made.proof(4), policy(), "4; time unconfirmed", []),
        ]
        for i, (data, rule, want, quorums) in enumerate(cases):
            out = judge(data, policy=rule)
            self.assertEqual((brief(out), [(q["size"], q["time"]) for q in out["quorums"]]), (want, quorums), i)

    @unittest.skipUnless(shutil.which("openssl"), "openssl is not installed")
    def test_timestamps(self):
        whole, token = (VECTORS / "example.greffe").read_bytes(), (VECTORS / "example.tst").read_bytes()
        text = whole[whole.rindex(ORIGIN.encode() + b"\n3\n"):whole.rindex(b"\n\n") + 1].decode()
        roots, broken = str(VECTORS / "example-tsa.pem"), token[:-5] + bytes([token[-5] ^ 1]) + token[-4:]
        for args, want in (((text, token), True), ((text + "x", token), False), ((text, broken), False), ((text, b"0\0"), False)):
            self.assertIs(v.holds_timestamp(*args, roots), want)
        made = ledger(3)
        for roots, want in ((None, "4; time unconfirmed"), (roots, "3; time failed; V032 None")):
            stamp = made.text().encode()
            self.assertEqual(brief(judge(made.whole((3, len(stamp).to_bytes(2, "big") + stamp + token)), roots=roots)), want)

    def test_policies_to_reject(self):
        w = f"witness a {W[0].text}\n"
        for text in ("", "quorum none", "quorum a\n", w + "quorum a\nquorum a\n", w + w + "quorum a\n", f"witness none {W[0].text}\nquorum none\n",
                     w + f"witness b {W[0].text}\nquorum a\n", w + "group g 2 a\nquorum g\n", w + "group g 0 a\nquorum g\n", w + "group g any\nquorum g\n",
                     w + "group g any a\ngroup h any a\nquorum g\n", "log x\nquorum none\n", f"log {A.text}\nlog {A.text}\nquorum none\n",
                     f"witness a {A.text}\nquorum a\n", "quorum none\r\n", "what\nquorum none\n", "quorum\n", w + "group g any a g\nquorum g\n"):
            self.assertRaises(ValueError, v.Policy, text.encode())
        v.Policy(b" \t# yes\n\n\tquorum \t none \n")


class Proofs(unittest.TestCase):
    def test_proof(self):
        made = ledger()
        made.add(disposition=2)
        good = made.proof(4)
        cases = [
            (good, "0"), (made.proof(4, absent=[4]), "4; erasure unconfirmed"), (made.proof(10, absent=[10]), "0"),
            (made.proof(10), "3; content failed; V014 10"),
            (made.proof(4, hashes=path(5, made.leaves)), "3; content failed; V025 4"),
            (made.proof(4, index=5), "3; content failed; scope failed; V006 5"), (made.proof(4, index="04"), "V035 None"),
            (made.proof(4, hashes=[b"short"]), "V035 None"), (good.replace(b"extra ", b"extra  "), "V035 None"),
            (good.replace(b"\nindex", b"\n\nindex"), "V035 None"), (good.replace(b"\n", b"\r\n").replace(b"\r", b"", 1), "V035 None"),
            (good + b"x", "3; content failed; signature failed; scope failed; V019 None"),
            (made.proof(4, note=made.note(signer=B)), "3; signature failed; V023 None"),
        ]
        for i, (data, want) in enumerate(cases):
            got = brief(judge(data))
            self.assertEqual(got.rpartition("; ")[2] if want[0] == "V" else got, want, i)


if __name__ == "__main__":
    unittest.main()
