#!/usr/bin/env python3
"""A second verifier of greffe's files, written from ledger/FORMAT.md alone.

    verify.py FILE --key KEY [--policy FILE] [--since FILE] [--from X] [--to Y]
              [--tsa-roots FILE] [-o text|json]
    verify.py --batch --key KEY    lines from standard input, one JSON line each: a path,
                                   then, parted by tabs, another key, policy=PATH, since=PATH,
                                   demand=FROM-TO (seqs), tsa-roots=PATH, each or none

FILE is a bundle (a whole ledger or an excerpt) or a .tlog-proof. KEY is the
verification key, or a file that holds it; it may also stand after FILE without
--key. Only the standard library of Python 3.9 is needed, and openssl to check
timestamps against --tsa-roots: it asks for less than §4.3 does. It exists to show that FORMAT.md is enough to read a
bundle; section numbers below are those of that file, whose order this one
follows. Exit codes: 0 sound; 1 a file or key cannot be read; 2 usage;
3 tampering, or no sound bundle at all; 4 the file claims something that cannot be shown.
"""
import argparse
import base64
import collections
import datetime
import functools
import hashlib
import json
import re
import shutil
import struct
import subprocess
import sys
import tempfile

RECORDED, DUPLICATE, CONFLICT, QUARANTINED = 1, 2, 3, 4
KEEPS_PAYLOAD = (RECORDED, CONFLICT)
MIN_HEADER, MAX_HEADER, MAX_PAYLOAD, MAX_SECTION, MAX_SECTIONS, MAX_CHECKPOINT, MAX_PROOF = 117, 325, 262144, 524288, 64, 65536, 63
PUBLISHER = re.compile(rb"[a-z][a-z0-9-]{0,31}")
TYPE = re.compile(rb"(?=.{1,80}\Z)[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+\.v[1-9][0-9]{0,3}")
AGGREGATE = re.compile(rb"(?=.{1,96}\Z)[a-z][a-z0-9_]*/[\x21-\x7e]+")
KIND = re.compile(rb"[a-z][a-z0-9_]*")
NUMBER = re.compile(r"0|[1-9][0-9]{0,18}")
FAILS = {code: results for results, codes in {  # what fails with a fault, §5.5
    "content scope": "V001 V002 V003 V004 V006 V008 V015 V021 V026 V027 V035",
    "content": "V005 V007 V009 V010 V011 V012 V013 V014 V016 V017 V020 V022 V025 V033 V037",
    "content signature scope": "V018 V019",
    "signature": "V023 V024 V036",
    "scope": "V028 V029 V034",
    "time": "V030 V031 V032",
}.items() for code in codes.split()}


def reject_if(wrong, why):
    if wrong:
        raise ValueError(why)


def sha256(data):
    return hashlib.sha256(data).digest()


# ---- Ed25519, RFC 8032 section 5.1 -------------------------------------------------------------

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P


def point_add(a, b):
    """Adds two points in extended coordinates (X, Y, Z, T), section 5.1.4."""
    e, f = (a[1] - a[0]) * (b[1] - b[0]) % P, (a[1] + a[0]) * (b[1] + b[0]) % P
    g, h = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    e, f, g, h = f - e, h - g, h + g, f + e
    return e * f % P, g * h % P, f * g % P, e * h % P


@functools.lru_cache(maxsize=64)
def doublings(point):
    """The point times 1, 2, 4 and so on: the same few keys are used again and again."""
    points = [point]
    while len(points) < 256:
        points.append(point_add(points[-1], points[-1]))
    return points


def point_mul(n, point):
    bits = (p for i, p in enumerate(doublings(point)) if n >> i & 1)
    return functools.reduce(point_add, bits, (0, 1, 1, 0))


def point_decode(data):
    """Decodes a point, section 5.1.3; None if the bytes are not the canonical encoding of one."""
    y, sign = int.from_bytes(data, "little") & (2**255 - 1), data[31] >> 7
    if y >= P:
        return None
    xx = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(xx, (P + 3) // 8, P)
    if (x * x - xx) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if (x * x - xx) % P or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = P - x
    return x, y, 1, x * y % P


def point_encode(point):
    inverse = pow(point[2], P - 2, P)
    x, y = point[0] * inverse % P, point[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


BASE = point_decode(bytes([0x58]) + bytes([0x66]) * 31)  # y = 4/5, x even


@functools.lru_cache(maxsize=1024)
def ed25519_verify(public, message, signature):
    """Says whether S*B - k*A is R, section 5.1.7."""
    a, s = point_decode(public), int.from_bytes(signature[32:], "little")
    if len(signature) != 64 or a is None or s >= L:
        return False
    k = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % L
    minus_a = (P - a[0], a[1], 1, P - a[3])
    return point_encode(point_add(point_mul(s, BASE), point_mul(k, minus_a))) == signature[:32]


# ---- canonical JSON, section 1.1 ---------------------------------------------------------------


def refuse(_):
    raise ValueError("number that is not an integer")


def check_value(value, depth):
    """Refuses what canonical JSON does not have, though Python reads it."""
    reject_if(value is None or depth > 32 or isinstance(value, int) and abs(value) > 2**53 - 1, "null, too deep or too large")
    for child in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        check_value(child, depth + isinstance(child, (dict, list)))


def parse_canonical(data):
    """Parses canonical JSON: what does not write itself again is refused."""
    try:
        value = json.loads(data.decode("utf-8"), parse_float=refuse, parse_constant=refuse)
        check_value(value, int(isinstance(value, (dict, list))))
    except RecursionError:
        raise ValueError("too deep") from None
    # Python sorts by code point, which is the order of the UTF-8 bytes, and has the escapes of §1.1.
    again = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    reject_if(again.encode("utf-8") != data, "not canonical")
    return value


def parse_own_event(header, payload):
    """The data of an event of the ledger itself: the genesis (§3.2) or a key event (§4.1)."""
    reject_if(not payload.isascii(), "not ASCII")
    event = parse_canonical(payload)
    if not isinstance(event, dict) or event.get("type") != header.type.decode() or not isinstance(event.get("data"), dict):
        raise ValueError("another type than its header, or no data")
    return event["data"]


# ---- entries, section 2 ------------------------------------------------------------------------

FIXED = struct.Struct(">BBQ32sIQQ32sI16s")


class Header:
    """The fields of a header. ok says whether §2.2 holds; the fixed fields are there anyhow."""

    def __init__(self, raw):
        (self.version, self.disposition, self.seq, self.prev, self.epoch, self.stream_seq, self.ledgered_at,
         self.payload_hash, self.payload_len, self.event_id) = FIXED.unpack_from(raw)
        names, at = [], FIXED.size
        while len(names) < 3 and at < len(raw) and at + 1 + raw[at] <= len(raw):
            names.append(raw[at + 1:at + 1 + raw[at]])
            at += 1 + raw[at]
        self.ok = len(names) == 3 and at == len(raw) and self.obeys_rules(names)
        self.publisher, self.type, self.aggregate = names if len(names) == 3 else (b"", b"", b"")
        self.leaf = sha256(b"\x00" + raw)  # §3.1

    def obeys_rules(self, names):
        quarantined = self.disposition == QUARANTINED
        for name, rule in zip(names, (PUBLISHER, TYPE, AGGREGATE)):
            if not rule.fullmatch(name) and not (quarantined and name == b""):
                return False
        if self.version != 1 or self.disposition not in (1, 2, 3, 4) or self.epoch == 0 or self.stream_seq == 0:
            return False
        if self.seq >= 2**63 or self.ledgered_at >= 2**63:
            return False
        if quarantined:
            return self.payload_hash == bytes(32)
        return 1 <= self.payload_len <= MAX_PAYLOAD and self.event_id != bytes(16)

    def is_key_event(self):
        """Says whether it is one of the entries that §4.1 is about."""
        return (self.ok and (self.disposition, self.publisher) == (RECORDED, b"greffe")
                and self.type in (b"ledger.key_rotated.v1", b"ledger.key_revoked.v1"))


# ---- the chain and its tree, section 3 ---------------------------------------------------------


def parse_genesis(header, payload):
    """Returns the data of the genesis, §3.2; ValueError if the entry is not one."""
    want = (RECORDED, 0, 1, 1, b"greffe", b"ledger.opened.v1")
    got = (header.disposition, header.seq, header.epoch, header.stream_seq, header.publisher, header.type)
    reject_if(not header.ok or got != want or payload is None, "not a genesis")
    data = parse_own_event(header, payload)
    names = ("ledger", "ledger_id", "origin", "vkey", "zone", "calendar")
    reject_if(not all(isinstance(data.get(n), str) and data[n] for n in names), "a member is missing")
    if not PUBLISHER.fullmatch(data["ledger"].encode()) or not re.fullmatch("[0-9a-f]{32}", data["ledger_id"]):
        raise ValueError("bad ledger or ledger_id")
    if re.search(r"[\x00-\x20\x7f+]", data["origin"]) or type(data.get("format")) is not int or data["format"] != 1:
        raise ValueError("bad origin or format")
    return data


def node(left, right):
    return sha256(b"\x01" + left + right)


class Tree:
    """The root of RFC 6962 over leaf hashes that come one by one, §3.4."""

    def __init__(self):
        self.size, self.stack = 0, []  # the roots of perfect subtrees, largest first

    def add(self, leaf):
        n = self.size
        while n & 1:
            leaf, n = node(self.stack.pop(), leaf), n >> 1
        self.stack.append(leaf)
        self.size += 1

    def root(self):
        if not self.stack:
            return sha256(b"")
        return functools.reduce(lambda right, left: node(left, right), reversed(self.stack))


def climb(index, last, path):
    """The steps of a proof (RFC 9162 sections 2.1.3.2 and 2.1.4.2) from the node index of a level whose
    last is the given one: each hash, and whether it stands on the left; ValueError if they are too few or many."""
    for sibling in path:
        reject_if(last == 0, "a proof of too many hashes")
        left = index & 1 == 1 or index == last
        while left and index and not index & 1:  # a node without sibling goes up as it is
            index, last = index >> 1, last >> 1
        yield sibling, left
        index, last = index >> 1, last >> 1
    reject_if(last, "a proof of too few hashes")


def holds_inclusion(seq, leaf, tree, path):
    """Says whether the audit path leads from the leaf to the root of a tree, RFC 6962 section 2.1.1."""
    if seq >= tree.size:
        return False
    try:
        for sibling, left in climb(seq, tree.size - 1, path):
            leaf = node(sibling, leaf) if left else node(leaf, sibling)
    except ValueError:
        return False
    return leaf == tree.root


VOID = "void"  # a proof that does not lead to the bundle's root shows nothing


def holds_consistency(old_size, old_root, size, root, path):
    """Says whether the smaller tree is a prefix of the larger, RFC 6962 section 2.1.2; 0 < old_size < size. A proof
    that leads to the larger root from another smaller one shows that it is not; any other is void."""
    perfect = old_size & (old_size - 1) == 0
    if perfect:
        path = [old_root, *path]  # a perfect subtree of the larger tree, so the proof leaves it out
    if not path:
        return VOID
    index, last = old_size - 1, size - 1
    while index & 1:
        index, last = index >> 1, last >> 1
    old = new = path[0]
    try:
        for sibling, left in climb(index, last, path[1:]):
            new = node(sibling, new) if left else node(new, sibling)
            old = node(sibling, old) if left else old
    except ValueError:
        return VOID
    return VOID if new != root else old == old_root


def split_hashes(data):
    return [data[i:i + 32] for i in range(0, len(data), 32)]


# ---- the checkpoint, section 4 -----------------------------------------------------------------

Key = collections.namedtuple("Key", "text name id public")
# text: the three lines, which are what is signed; signatures: of (name, key id, signature).
Note = collections.namedtuple("Note", "text origin size root signatures")


def base64_strict(text):
    """Decodes base64 that has one form only: padded, with zero trailing bits."""
    data = base64.b64decode(text, validate=True)
    reject_if(base64.b64encode(data).decode() != text, "base64 in another form")
    return data


def is_key_name(name):
    return name != "" and "+" not in name and not any(c.isspace() for c in name)


@functools.lru_cache(maxsize=1024)
def parse_key(text, algorithm=1):
    """Reads name+id+base64(algorithm || public key), in its one spelling: §4.1; of a witness, algorithm 4: §4.2."""
    name, key_id, rest = text.split("+", 2)
    key = base64_strict(rest)
    want = sha256(name.encode() + b"\n" + key)[:4]
    reject_if(not is_key_name(name) or len(key) != 33 or key[0] != algorithm or key_id != want.hex(), "not a verification key of its kind")
    point = point_decode(key[1:])
    reject_if(point is None or point[0] == 0, "the key is no point, or one of x = 0")
    return Key(text, name, want, key[1:])


def parse_three_lines(text):
    """Returns (origin, size, root) of a checkpoint without its signatures."""
    origin, size, root, end = text.split("\n")
    if end or not is_key_name(origin) or not NUMBER.fullmatch(size) or int(size) >= 2**63:
        raise ValueError("not three lines, a bad origin or a bad size")
    root = base64_strict(root)
    reject_if(len(root) != 32 or re.search(r"[\x00-\x1f]", origin), "bad root or origin")
    return origin, int(size), root


def parse_checkpoint(body):
    """Reads the signed note of a checkpoint; ValueError if the form is another."""
    note = body.decode("utf-8")
    reject_if(len(body) > MAX_CHECKPOINT or re.search(r"[\x00-\x09\x0b-\x1f]", note), "too long, or control characters")
    text, blank, tail = note.partition("\n\n")
    reject_if(not blank or not tail.endswith("\n"), "no blank line, or no end")
    origin, size, root = parse_three_lines(text + "\n")
    signatures = []
    for line in tail[:-1].split("\n"):
        dash, name, value = line.split(" ")
        value = base64_strict(value)
        reject_if(dash != "\u2014" or not is_key_name(name) or len(value) < 5, "bad signature line")
        signatures.append((name, value[:4], value[4:]))
    reject_if(len(signatures) > 100, "more than 100 signature lines")
    return Note(text + "\n", origin, size, root, signatures)


def lines_of(note, key):
    return [s for n, i, s in note.signatures if (n, i) == (key.name, key.id)]


def is_signed(note, key):
    """Says whether the key's line is there, under its own name, and valid."""
    mine = lines_of(note, key)[:1]  # of several the first counts
    return note.origin == key.name and mine != [] and ed25519_verify(key.public, note.text.encode(), mine[0])


# ---- keys, section 4.1 -------------------------------------------------------------------------


class Keys:
    """The keys of a ledger, as its genesis and its key events tell; entries must come in order."""

    def __init__(self, genesis):
        self.origin, self.keys, self.rotated_at, self.trusted_to = genesis["origin"], [], [], {}
        try:
            self.keys.append(self.parse(genesis["vkey"]))
        except ValueError:
            pass  # a claim that is none: this ledger has no key of its own

    def parse(self, text):
        key = parse_key(text)
        reject_if(key.name != self.origin, "a key of another name")
        return key

    def apply(self, header, payload):
        """Takes in the key event of a header; ValueError if it is void."""
        data = parse_own_event(header, payload)
        texts = ("vkey",) if header.type == b"ledger.key_revoked.v1" else ("old_vkey", "new_vkey", "old_signature", "new_signature")
        reject_if(not all(isinstance(data.get(n), str) for n in texts), "a member is missing")
        if header.type == b"ledger.key_revoked.v1":
            self.revoke(data["vkey"], data.get("trusted_to"))
        else:
            self.rotate(header.seq, *(data[n] for n in texts))

    def rotate(self, seq, old_text, new_text, *signatures):
        old, new = self.parse(old_text), self.parse(new_text)
        if not self.keys or old != self.keys[-1] or new.id in [k.id for k in self.keys]:
            raise ValueError("not from the key that is valid, or to a key hash that was used")
        text = f"greffe key rotation v1\n{old_text}\n{new_text}\n".encode()
        for key, signature in zip((old, new), map(base64_strict, signatures)):
            reject_if(signature[:4] != key.id or not ed25519_verify(key.public, text, signature[4:]), "a signature that does not hold")
        self.keys.append(new)
        self.rotated_at.append(seq)

    def revoke(self, text, trusted_to):
        reject_if(text not in [k.text for k in self.keys], "not a key of this ledger")
        if type(trusted_to) is not int or trusted_to < 0:
            trusted_to = 0
        reject_if(text in self.trusted_to and self.trusted_to[text] <= trusted_to, "nothing is taken back")
        self.trusted_to[text] = trusted_to

    def counts(self, i, size):
        return size <= self.trusted_to.get(self.keys[i].text, size)

    def judge(self, brought, size):
        """The key that must have signed at this size, and whether trust reaches it from the key brought."""
        if brought not in self.keys:
            return brought, True
        here, there = self.keys.index(brought), sum(seq < size for seq in self.rotated_at)
        reached = self.counts(there, size)
        while here != there:  # rotated_at[i] lies between keys[i] and keys[i+1]
            step = 1 if here < there else -1
            reached = reached and self.counts(here, self.rotated_at[min(here, here + step)] + 1)
            here += step
        return self.keys[there], reached


# ---- cosignatures, timestamps and policy, sections 4.2 to 4.4 ----------------------------------


def cosigned_at(note, witness):
    """The earliest time of the witness' cosignatures, §4.2; None without one; ValueError if one does not hold."""
    times = []
    for line in lines_of(note, witness):
        time = int.from_bytes(line[:8], "big")
        message = f"cosignature/v1\ntime {time}\n{note.text}".encode()
        if len(line) != 72 or time >= 2**63 or not ed25519_verify(witness.public, message, line[8:]):
            raise ValueError("a cosignature that does not hold")
        times.append(time)
    return min(times, default=None)


def holds_timestamp(text, token, roots):
    """Asks openssl whether the token holds at its own time, §4.3; None if that cannot be told: there is
    no openssl, or the token's authority is not one of those that were brought."""
    openssl = shutil.which("openssl")
    if openssl is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        for name, data in (("text", text.encode()), ("token", token)):
            with open(f"{folder}/{name}", "wb") as file:
                file.write(data)

        def ask(*words):
            done = subprocess.run([openssl, "ts", *words, "-in", f"{folder}/token", "-token_in"], capture_output=True, check=False)
            return done.returncode, (done.stdout + done.stderr).decode("utf-8", "replace")

        _, shown = ask("-reply", "-text")
        at = re.search(r"^Time stamp: (\w{3}) +(\d+) (\d\d:\d\d:\d\d)(?:\.\d+)? (\d{4}) GMT$", shown, re.MULTILINE)
        if not at:
            return False
        at = datetime.datetime.strptime(" ".join(at.groups()) + " +0000", "%b %d %H:%M:%S %Y %z")
        failed, why = ask("-verify", "-data", f"{folder}/text", "-CAfile", roots, "-attime", str(int(at.timestamp())))
        unknown = re.search("issuer certificate|self-signed certificate|verify the first certificate", why)
        return None if failed and unknown else not failed


class Policy:
    """Whom to believe, §4.4: C2SP tlog-policy."""

    def __init__(self, data):
        if len(data) > 65536 or re.search(rb"[^\t\n\x20-\x7e\x80-\xff]", data) or not data.endswith(b"\n"):
            raise ValueError("policy too long, with control characters or without end of line")
        self.logs, self.named, self.quorum = [], {}, None  # by name: the key of a witness, or (K, members) of a group
        self.used, lines = set(), [line.split() for line in data.split(b"\n")]  # nothing but spaces and tabs parts words here
        lines = [words for words in lines if words and not words[0].startswith(b"#")]
        for kind, *words in lines:
            if kind == b"log" and 1 <= len(words) <= 2:
                self.logs.append(parse_key(words[0].decode()))
            elif kind == b"witness" and 2 <= len(words) <= 3:
                self.define(words[0], parse_key(words[1].decode(), 4))
            elif kind == b"group" and len(words) >= 3:
                self.define(words[0], self.parse_group(words[1], words[2:]))
            elif kind == b"quorum" and len(words) == 1 and self.quorum is None and words[0] in (b"none", *self.named):
                self.quorum = words[0]
            else:
                raise ValueError("policy with a line that is none, or stands too early, or twice")
        self.witnesses = {name: key for name, key in self.named.items() if isinstance(key, Key)}
        for keys in (self.logs, self.witnesses.values()):
            reject_if(len({key.public for key in keys}) < len(keys), "policy with a key twice")
        if self.quorum is None or max(collections.Counter(words[0] for words in lines).values()) > 100:
            raise ValueError("policy without quorum, or with more than 100 lines of a kind")

    def define(self, name, what):
        reject_if(name == b"none" or name in self.named, "policy that defines a name twice")
        self.named[name] = what

    def parse_group(self, count, members):
        if len(set(members)) < len(members) or self.used & set(members) or not set(members) <= set(self.named):
            raise ValueError("policy that has a member twice, or uses a name before it defines it")
        self.used |= set(members)
        reject_if(count not in (b"any", b"all") and not re.fullmatch(b"[1-9][0-9]{0,4}", count), "policy with a bad number of members")
        count = {b"any": 1, b"all": len(members)}.get(count) or int(count)
        reject_if(count > len(members), "policy with a bad number of members")
        return count, members

    def judge(self, note):
        """Says whether the checkpoint satisfies the policy, and the time of the quorum if it has one;
        ValueError if a line of a key that the policy names does not hold."""
        logs = [key for key in self.logs if lines_of(note, key)]
        if not all(ed25519_verify(key.public, note.text.encode(), s) for key in logs for s in lines_of(note, key)):
            raise ValueError("a line of a log that does not hold")
        times = {}
        for name, what in self.named.items():  # members come before their group
            if name in self.witnesses:
                times[name] = cosigned_at(note, what)
            else:
                seen = sorted(times[m] for m in what[1] if times[m] is not None)
                times[name] = seen[what[0] - 1] if len(seen) >= what[0] else None
        time = times.get(self.quorum)
        by_log = not self.logs or note.origin in [key.name for key in logs]
        return by_log and (self.quorum == b"none" or time is not None), time


# ---- what bundles and proofs have in common, section 5.4 ---------------------------------------

# since is a Note, tsa_roots a path, demand the arguments of a Scope.
Brought = collections.namedtuple("Brought", "key policy since tsa_roots demand", defaults=(None,) * 4)


class Stop(Exception):
    """The bytes that follow cannot be understood."""


class Verifier:
    """One pass over one file. Faults are (code, seq or None); reading goes on where it can."""

    def __init__(self, file, brought):
        self.file, self.brought = file, brought
        self.faults, self.unconfirmed = [], set()
        self.checkpoint, self.keys, self.quorums, self.void = None, None, [], []
        self.claims_time = brought.policy is not None and brought.policy.quorum != b"none"
        self.demand = Scope(*brought.demand) if brought.demand else None

    def fault(self, code, seq=None):
        self.faults.append((code, seq))

    def fault_if(self, wrong, code, seq=None):
        if wrong:
            self.fault(code, seq)

    def stop_if(self, wrong, code, seq=None):
        self.fault_if(wrong, code, seq)
        if wrong:
            raise Stop

    def run(self):
        try:
            self.read()
        except Stop:
            self.unconfirmed |= {"signature", "time", "scope", "erasure"}  # not reached, so not failed
        # A fault of an entry comes before those of no entry, the one of the earlier entry first.
        self.faults.sort(key=lambda f: (f[1] is None, f[1] or 0))

    def check_payload(self, at, header, payload):
        """The payload against its header, §2.3; says whether it is there and the right one."""
        keeps = header.disposition in KEEPS_PAYLOAD
        if payload is None:
            self.unconfirmed |= {"erasure"} if keeps else set()
            return False
        good = keeps and sha256(payload) == header.payload_hash
        self.fault_if(not good, "V013" if keeps else "V014", at)
        return good

    def read_checkpoint(self, body):
        try:
            self.checkpoint = parse_checkpoint(body)
        except ValueError:
            self.fault("V019")

    def must_sign(self, size):
        """The key of this size, and whether the key brought trusts it; a proof has no history of keys."""
        return self.keys.judge(self.brought.key, size) if self.keys else (self.brought.key, True)

    def check_signature(self):
        key, reached = self.must_sign(self.checkpoint.size)
        self.fault_if(not is_signed(self.checkpoint, key), "V023")
        self.fault_if(not reached, "V024")

    def check_policy(self, notes):
        """One of the checkpoints must satisfy the policy, none may hold a line that is wrong, §4.4."""
        for note in notes if self.brought.policy else ():
            try:
                met, time = self.brought.policy.judge(note)
            except ValueError:
                self.fault("V032")
                continue
            if met:
                self.quorums.append({"size": note.size, "time": time})
        if self.brought.policy and not self.quorums:
            self.unconfirmed.add("time")

    def check_since(self, root_then):
        """The file goes on from the checkpoint that the auditor kept. root_then says what the root was at its
        size: True or False if it was that root or not, None if that cannot be shown."""
        since, now = self.brought.since, self.checkpoint
        if since is None:
            return
        key, reached = self.must_sign(since.size)
        if not reached or not is_signed(since, key):
            if not self.faults:  # else what is wrong may be the reason
                raise ValueError("the checkpoint that was kept is not signed by a key of this ledger")
        elif since.size > now.size:
            self.fault("V034")
        else:
            same = root_then(since)
            if same is None:
                self.unconfirmed.add("scope")
            elif same is VOID:
                self.fault("V037")
            elif not same and not self.failed("signature"):
                self.fault("V033")

    def failed(self, name):
        return any(name in FAILS[code].split() for code, _ in self.faults)

    def verdict(self, name):
        signed = not self.failed("signature") and "signature" not in self.unconfirmed
        if self.failed(name):
            return "failed"
        if name in self.unconfirmed or name == "scope" and not signed or name == "erasure" and self.failed("content"):
            return "unconfirmed"
        if name == "time" and not self.claims_time:
            return "not_claimed"
        return "unconfirmed" if name == "time" and (self.failed("content") or not signed) else "sound"

    def report(self, name):
        """What was found, for people or programs."""
        size, root = self.read_entries()
        verdicts = {n: self.verdict(n) for n in ("content", "signature", "time", "scope", "erasure")}
        code = 3 if "failed" in verdicts.values() else 4 if "unconfirmed" in verdicts.values() else 0
        faults = [{"code": code, "seq": seq} for code, seq in self.faults]
        return {"bundle": name, "exit": code, "size": size, "root": root, **verdicts, "faults": faults,
                "quorums": self.quorums, "void": self.void}

    def read_entries(self):
        """How many entries were read, and the root over them if they are a whole ledger."""
        return 1, ""


# ---- the bundle, sections 5 to 5.2 -------------------------------------------------------------


def parse_scope(body):
    """Reads what an excerpt claims to hold, §5.2; ValueError if the form is another."""
    claim = parse_canonical(body)
    if len(body) > 131072 or not body.isascii() or not isinstance(claim, dict) or not isinstance(claim.get("by"), str):
        raise ValueError("scope too long, not ASCII, or by nothing")
    by, first, end, names, register = (claim.get(n) for n in ("by", "from", "to", "names", "register"))
    rules = {"aggregate": AGGREGATE, "register": KIND, "publisher": PUBLISHER}
    members = {"by", "from", "to"} if by in ("range", "period") else {"by", "names", "register"} if by == "register" else {"by", "names"}
    reject_if(by not in ("range", "period", *rules) or set(claim) != members, "scope by something else, or with other members")
    if by in rules:
        if not isinstance(names, list) or not 1 <= len(names) <= 1000 or not all(isinstance(n, str) for n in names):
            raise ValueError("scope without names, or with too many")
        if names != sorted(set(names)) or not all(rules[by].fullmatch(n.encode()) for n in names):
            raise ValueError("scope with a bad name, or in another order")
        if by == "register" and not (isinstance(register, str) and PUBLISHER.fullmatch(register.encode())):
            raise ValueError("scope with a bad register")
        return Scope(by, names={n.encode() for n in names})
    if by == "period":
        if not all(isinstance(t, str) and re.fullmatch(r"[0-9]{4}(-[0-9]{2}){2}T[0-9]{2}(:[0-9]{2}){2}Z", t) for t in (first, end)):
            raise ValueError("scope with a time in another form")
        first, end = parse_instant(first), parse_instant(end)
    elif type(first) is not int or type(end) is not int:
        raise ValueError("scope with a seq that is none")
    reject_if(not 0 <= first < end, "scope from nowhere or to nowhere")
    return Scope(by, first, end)


def parse_instant(text):
    """Nanoseconds since 1970 of an instant of RFC 3339 from 1970 to 2261."""
    form = re.fullmatch(r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.([0-9]{1,9}))?(Z|[+-][0-9]{2}:[0-5][0-9])", text)
    reject_if(not form, "not an instant")
    at = datetime.datetime.strptime(form[1] + form[3].replace("Z", "+00:00"), "%Y-%m-%dT%H:%M:%S%z")
    reject_if(at.timestamp() < 0 or at.year > 2261, "not an instant of a ledger")
    return int(at.timestamp()) * 10**9 + int((form[2] or "0").ljust(9, "0"))


class Scope:
    """Entries that are chosen: by an excerpt, §5.2, or by the auditor who asks for them."""

    def __init__(self, by, first=None, end=None, names=None):
        self.by, self.first, self.end, self.names = by, first, end, names
        self.entries = []  # (seq, place, whether it is there anyhow), as they were added

    def place(self, header):
        """Where an entry stands: -1 before what is chosen, 0 chosen, 1 after; by names, 1 is any other."""
        if self.names is None:
            at = header.seq if self.by == "range" else header.ledgered_at
            return -1 if at < self.first else 1 if at >= self.end else 0
        name = {"aggregate": header.aggregate, "register": header.aggregate.partition(b"/")[0], "publisher": header.publisher}
        return int(name[self.by] not in self.names)

    def add(self, header):
        self.entries.append((header.seq, self.place(header), header.seq == 0 or header.is_key_event()))

    def edges(self, size):
        """The last entry before what is chosen, and the first after."""
        if self.by == "range":
            return self.first - 1, self.end
        return (max((seq for seq, place, _ in self.entries if place < 0), default=-1),
                min((seq for seq, place, _ in self.entries if place > 0), default=size))

    def superfluous(self, size):
        edges = self.edges(size) if self.by == "period" else ()
        return [seq for seq, place, anyhow in self.entries if place and not anyhow and seq not in edges]

    def missing(self, size):
        """The lowest seq of each gap in what is chosen; a choice by names shows none."""
        if self.names is not None:
            return []
        before, after = self.edges(size)
        chosen = sorted(seq for seq, place, _ in self.entries if place == 0)
        if self.by == "period" and chosen and chosen[0] - before > 1:
            before = chosen[0] - 2  # any entries may lie between, but one must be there, right before
        return [here + 1 for here, there in zip([before, *chosen], [*chosen, after]) if there - here > 1]


MAGIC = b"\x89GREFFE\n"


class Bundle(Verifier):
    """A whole ledger or an excerpt of one."""

    def __init__(self, file, brought):
        super().__init__(file, brought)
        self.digest, self.tree, self.excerpt = hashlib.sha256(), Tree(), False
        self.genesis, self.last, self.owes_next = None, None, False
        self.sections, self.kinds = 0, {kind: [] for kind in range(1, 8)}
        self.scope, self.roots, self.consistency = None, {0: sha256(b"")}, {}

    def take(self, n, seq=None, covered=True):
        """Reads n bytes; the trailer's digest covers them unless they are of a payload."""
        data = self.file.read(n)
        self.stop_if(len(data) < n, "V003", seq)
        if covered:
            self.digest.update(data)
        return data

    def read(self):
        magic = self.file.read(8)
        self.digest.update(magic)
        self.stop_if(magic != MAGIC, "V003" if magic and MAGIC.startswith(magic) else "V001")
        version = self.take(2)
        self.stop_if(version not in (b"\x00\x01", b"\x00\x02"), "V002")
        self.excerpt = version == b"\x00\x02"
        tag = self.take(1)
        if self.excerpt:
            self.stop_if(tag != b"\x02", "V004")
            tag = self.read_all(tag, b"\x02", self.section)
            self.open_sections()
        tag = self.read_all(tag, b"\x01", self.record)
        if not self.excerpt:
            tag = self.read_all(tag, b"\x02", self.section)
        between = not self.excerpt and not self.sections  # entries, of which the one before it is named
        self.stop_if(tag != b"\x00", "V004", max(self.tree.size - 1, 0) if between else None)
        want = self.digest.digest()
        self.fault_if(self.take(32, covered=False) != want, "V016")
        self.fault_if(self.file.read(1), "V017")
        if not self.excerpt:
            self.open_sections()
        self.check_all()

    def read_all(self, tag, want, read):
        while tag == want:
            read()
            tag = self.take(1)
        return tag

    def record(self):
        """Judges one record, of a header that is not canonical nothing but that."""
        here = None if self.excerpt else self.tree.size  # where a fault that ends the reading is reported
        header, payload, path = self.read_record(here)
        after = self.last.seq + 1 if self.last and self.last.ok else 0
        at = self.tree.size if not self.excerpt else header.seq if header.ok else after
        if self.last is None:
            self.check_genesis(header, payload)
        elif header.ok:
            self.check_place(at, header)
        if header.ok:
            usable = payload is not None and self.excused(header) or self.check_payload(at, header, payload)
            if path is not None and self.checkpoint and not holds_inclusion(header.seq, header.leaf, self.checkpoint, path):
                self.fault("V025", at)
            if header.is_key_event():
                self.key_event(at, header, payload, usable)
            for scope in filter(None, (self.scope, self.demand)):
                scope.add(header)
        else:
            self.fault("V005", at)
        self.last, self.owes_next = header, self.excerpt and path is None
        self.tree.add(header.leaf)
        if self.brought.since and self.brought.since.size == self.tree.size:
            self.roots[self.tree.size] = self.tree.root()  # of the one size that will be asked for

    def read_record(self, at):
        """The header, the payload or None, and in an excerpt the hashes of its proof, or None if it is linked."""
        length = int.from_bytes(self.take(2, at), "big")
        self.stop_if(not MIN_HEADER <= length <= MAX_HEADER, "V005", at)
        header = Header(self.take(length, at))
        present = self.take(1, at)[0]
        self.stop_if(present > 1, "V004", at)
        self.stop_if(present and header.payload_len > MAX_PAYLOAD, "V005", at)
        payload = self.take(header.payload_len, at, covered=False) if present else None
        count = self.take(1, at)[0] if self.excerpt else 0xFF
        if count == 0xFF:
            return header, payload, None
        self.stop_if(count > MAX_PROOF, "V004", at)
        return header, payload, split_hashes(self.take(32 * count, at))

    def excused(self, header):
        """Payloads that the auditor checked with the checkpoint that was kept, or does not ask for, are not judged, §5.4."""
        if self.excerpt or header.seq == 0 or header.is_key_event() or header.disposition not in KEEPS_PAYLOAD:
            return False
        since = self.brought.since and header.seq < self.brought.since.size
        return since or self.demand and self.demand.place(header) != 0

    def check_place(self, at, header):
        """Seq, link, stream position and time, against the entry before: §3.1 to §3.3, §5.4 point 2."""
        last, gap = self.last, False
        if self.excerpt:
            gap = header.seq != last.seq + 1
            if not last.ok:
                return
            if header.seq <= last.seq:
                self.fault("V006", at)
                return
            self.fault_if(self.owes_next and gap, "V026", last.seq)
        elif header.seq != at:
            self.fault("V006", at)
        self.fault_if(not gap and header.prev != last.leaf, "V007", last.seq if self.excerpt else at - 1)
        if not last.ok:
            return
        if header.epoch == last.epoch:
            self.fault_if(header.stream_seq - last.stream_seq != (header.seq - last.seq if gap else 1), "V010", at)
        elif gap:
            self.fault_if(header.epoch < last.epoch, "V011", at)
        elif (header.disposition, header.publisher, header.type, header.epoch) != (
                RECORDED, b"greffe", b"ledger.epoch_opened.v1", last.epoch + 1):
            self.fault("V011", at)
        else:
            self.fault_if(header.stream_seq != 1, "V010", at)
        self.fault_if(header.ledgered_at < last.ledgered_at, "V012", at)

    def check_genesis(self, header, payload):
        self.fault_if(header.ok and header.seq != 0, "V006", 0)
        try:
            self.genesis = parse_genesis(header, payload)
        except ValueError:
            self.fault("V008", 0)  # wherever the entry stands that is there instead
            return
        if sha256(payload) == header.payload_hash:
            self.keys = Keys(self.genesis)
        self.fault_if(header.prev != sha256(b"greffe genesis v1" + bytes.fromhex(self.genesis["ledger_id"])), "V009", 0)

    def key_event(self, at, header, payload, usable):
        if payload is None:
            self.fault("V036", at)
        elif usable and self.keys:
            try:
                self.keys.apply(header, payload)
            except ValueError:
                self.void.append(header.seq)

    def section(self):
        kind, length = struct.unpack(">BI", self.take(5))
        self.sections += 1
        self.stop_if(self.sections > MAX_SECTIONS or kind not in self.kinds or length > MAX_SECTION, "V015")
        self.kinds[kind].append(self.take(length))
        self.claims_time = self.claims_time or kind in (2, 3)

    def open_sections(self):
        """The checkpoint and the scope, without which nothing else can be judged, §5.1."""
        if len(self.kinds[1]) == 1:
            self.read_checkpoint(self.kinds[1][0])
        else:
            self.fault("V018")
        if len(self.kinds[7]) != int(self.excerpt):
            self.fault("V027")
        elif self.excerpt:
            try:
                self.scope = parse_scope(self.kinds[7][0])
            except ValueError:
                self.fault("V027")

    def check_all(self):
        """What can only be said when everything was read, §5.4 points 5 to 7."""
        self.fault_if(self.last is None, "V008")
        if self.owes_next and self.last.ok:
            self.fault("V026", self.last.seq)
        self.unconfirmed |= {verdict for kind, verdict in ((4, "signature"), (5, "erasure")) if self.kinds[kind]}
        if self.checkpoint is None:
            self.unconfirmed |= {"time", "scope"} if self.claims_time else {"scope"}
            return
        self.fault_if(self.genesis is not None and self.checkpoint.origin != self.genesis["origin"], "V020")
        if not self.excerpt:
            self.fault_if(self.checkpoint.size != self.tree.size, "V021")
            self.fault_if(self.checkpoint.root != self.tree.root(), "V022")
        self.check_signature()
        self.check_scope()
        self.check_consistency()
        self.check_time()
        self.check_since(self.is_prefix if self.excerpt else self.is_begin)

    def check_scope(self):
        """What the excerpt claims is there and nothing else, §5.2; and what the auditor asks for, whatever it claims."""
        size = self.checkpoint.size
        if self.scope:
            for code, seqs in (("V028", self.scope.superfluous(size)), ("V029", self.scope.missing(size))):
                for seq in seqs:
                    self.fault(code, seq)
        if not self.demand:
            lacks = self.scope and self.scope.names is not None
        else:
            lacks = self.demand.missing(size) if self.excerpt else self.demand.by == "range" and self.demand.end > size
        self.unconfirmed |= {"scope"} if lacks else set()

    def check_consistency(self):
        """The sections of kind 6, by their form; whether one leads anywhere is asked by those who need it."""
        for body in self.kinds[6]:
            old = int.from_bytes(body[:8], "big")
            hashes = split_hashes(body[8:])
            good = len(body) >= 8 and len(body) % 32 == 8 and len(hashes) <= MAX_PROOF and old <= self.checkpoint.size
            if not good or old in self.consistency or old in (0, self.checkpoint.size) and hashes:
                self.fault("V037")
            else:
                self.consistency[old] = hashes

    def is_prefix(self, old):
        """Says whether an earlier checkpoint is one of this ledger, §5.1; None if nothing ties it."""
        now = self.checkpoint
        if old.origin != now.origin or old.size > now.size:
            return False
        if old.size in (0, now.size):
            return old.root == (now.root if old.size else sha256(b""))
        if old.size not in self.consistency:
            return None
        return holds_consistency(old.size, old.root, now.size, now.root, self.consistency[old.size])

    def is_begin(self, old):
        """The same for a whole ledger, of a checkpoint that was kept; None if these are not the entries that were signed."""
        return self.roots.get(old.size) == old.root if self.tree.root() == self.checkpoint.root else None

    def check_time(self):
        """The sections of kinds 2 and 3: tied to the checkpoint, and then by what was brought."""
        tied = [self.checkpoint]
        for body in self.kinds[2]:
            try:
                note = parse_checkpoint(body)
            except ValueError:
                self.fault("V030")
                continue
            if self.is_tied(note) is True:
                tied.append(note)
            if not self.brought.policy:
                self.unconfirmed.add("time")
        for body in self.kinds[3]:
            length = int.from_bytes(body[:2], "big")
            try:
                text, token = body[2:2 + length].decode("utf-8"), body[2 + length:]
                stamped = Note(text, *parse_three_lines(text), [])
                reject_if(not token, "no token")
            except ValueError:
                self.fault("V030")
                continue
            if self.is_tied(stamped) is not True:
                continue
            held = holds_timestamp(text, token, self.brought.tsa_roots) if self.brought.tsa_roots else None
            if held is None:
                self.unconfirmed.add("time")
            elif not held:
                self.fault("V032")
        self.check_policy(tied)

    def is_tied(self, note):
        """Whether what a note says is of this ledger; if not, and the ledger signed it, that is a fork, §5.1."""
        prefix = self.is_prefix(note)
        if prefix is None:
            self.unconfirmed.add("time")
        elif prefix is VOID:
            self.fault("V037")
        elif not prefix:
            key, reached = self.must_sign(note.size)
            same_ledger = note.origin == self.checkpoint.origin and note.size <= self.checkpoint.size
            forked = same_ledger and not self.failed("signature") and reached and is_signed(note, key)
            self.fault("V033" if forked else "V031")
        return prefix

    def read_entries(self):
        return self.tree.size, "" if self.excerpt else self.tree.root().hex()


# ---- the proof of one event, section 5.3 -------------------------------------------------------

PROOF = b"c2sp.org/tlog-proof@v1\n"


class Proof(Verifier):
    """A C2SP tlog-proof whose extra is the record."""

    def read(self):
        data = self.file.read(524289)
        try:
            reject_if(len(data) > 524288, "too long")
            head, blank, checkpoint = data.partition(b"\n\n")
            _, extra, index, *path = head.decode("ascii").split("\n")
            if not blank or not extra.startswith("extra ") or not index.startswith("index ") or len(path) > MAX_PROOF:
                raise ValueError("not the lines of a proof")
            raw, payload = self.parse_record(base64_strict(extra[6:]))
            index, path = index[6:], [base64_strict(line) for line in path]
            reject_if(not NUMBER.fullmatch(index) or any(len(h) != 32 for h in path), "bad index or hash")
            header = Header(raw)
            reject_if(not header.ok, "header not canonical")
            reject_if(payload is not None and len(payload) != header.payload_len, "a payload of another length than its header says")
        except (ValueError, struct.error):
            self.stop_if(True, "V035")
        at = int(index)
        self.fault_if(header.seq != at, "V006", at)
        self.check_payload(at, header, payload)
        self.read_checkpoint(checkpoint)
        if self.checkpoint is None:
            self.unconfirmed |= {"time", "scope"} if self.claims_time else {"scope"}
            return
        self.fault_if(not holds_inclusion(at, header.leaf, self.checkpoint, path), "V025", at)
        self.check_signature()
        if self.demand:
            self.demand.add(header)
            self.unconfirmed |= {"scope"} if self.demand.missing(self.checkpoint.size) else set()
        self.check_policy([self.checkpoint])
        self.check_since(lambda since: since.root == self.checkpoint.root if since.size == self.checkpoint.size else None)

    @staticmethod
    def parse_record(record):
        """Returns the header's bytes and the payload, or None if it is absent."""
        length = int.from_bytes(record[:2], "big")
        raw, present, payload = record[2:2 + length], record[2 + length:3 + length], record[3 + length:]
        reject_if(present not in (b"\x00", b"\x01") or present == b"\x00" and payload, "not a record")
        return raw, payload if present == b"\x01" else None


# ---- the command line --------------------------------------------------------------------------


def read_key(arg):
    try:
        return parse_key(arg.strip())
    except ValueError:
        return parse_key(read_file(arg, 4096).decode("utf-8").strip())


@functools.lru_cache(maxsize=1024)
def read_file(path, limit):
    with open(path, "rb") as file:
        return file.read(limit + 1)


def parse_demand(first, end):
    """What --from and --to ask for, as the arguments of a Scope: two seqs, or instants of which one may be left out."""
    if not first and not end:
        return None
    if NUMBER.fullmatch(first or "0") and NUMBER.fullmatch(end or ""):
        demand = "range", int(first or 0), int(end)
    else:
        demand = "period", parse_instant(first) if first else 0, parse_instant(end) if end else 2**63 - 1
    reject_if(demand[1] >= demand[2], "--from is not before --to")
    return demand


@functools.lru_cache(maxsize=64)
def bring(key, policy=None, since=None, tsa_roots=None, demand=None):
    """What the verifier is brought, read from its files."""
    if tsa_roots and b"-----BEGIN CERTIFICATE-----" not in read_file(tsa_roots, 1 << 20):
        raise ValueError("no certificate in PEM among the roots of timestamps")
    return Brought(read_key(key), Policy(read_file(policy, 65536)) if policy else None,
                   parse_checkpoint(read_file(since, MAX_CHECKPOINT)) if since else None, tsa_roots, demand)


def verify(path, brought):
    """Verifies one file; OSError if it cannot be read."""
    with open(path, "rb") as file:
        first = file.read(len(PROOF))
        file.seek(0)
        verifier = (Proof if first == PROOF else Bundle)(file, brought)
        verifier.run()
    return verifier.report(path)


def batch(brought):
    """Verifies each path of standard input; the exit code says only that all could be judged."""
    worst = 0
    for line in sys.stdin:
        path, *fields = line.rstrip("\n").split("\t")
        options = dict(brought)
        for field in filter(None, fields):
            name, equals, value = field.partition("=")
            name = name.replace("-", "_")
            if not equals or name not in options:
                name, value = "key", field
            options[name] = parse_demand(*value.split("-", 1)) if name == "demand" else value
        try:
            out = verify(path, bring(**options))
        except (OSError, ValueError) as err:
            out, worst = {"bundle": path, "exit": 1, "error": str(err)}, 1
        print(json.dumps(out))
    return worst


def main():
    parser = argparse.ArgumentParser(description="verify a greffe bundle or proof, from FORMAT.md alone")
    parser.add_argument("words", nargs="*", metavar="FILE", help="the file, and the key if --key is not given")
    parser.add_argument("--key")
    parser.add_argument("--policy", help="a file of C2SP tlog-policy: whose cosignatures count")
    parser.add_argument("--since", help="a checkpoint kept from before, which the file must go on from")
    parser.add_argument("--tsa-roots", help="certificates (PEM) that timestamps must lead to; needs openssl")
    parser.add_argument("--from", dest="first", help="what must be there: a seq, or an instant such as 2026-01-01T00:00:00Z")
    parser.add_argument("--to", help="the first that need not be there any more")
    parser.add_argument("-o", choices=("text", "json"), default="text", dest="format")
    parser.add_argument("--batch", action="store_true")
    args = parser.parse_args()
    if args.key is None and args.words:
        args.key = args.words.pop()
    if args.key is None or len(args.words) != (0 if args.batch else 1):
        parser.error("give a file and a key, or --batch and a key")
    try:
        demand = parse_demand(args.first, args.to)
    except ValueError as err:
        parser.error(f"--from and --to: {err}")
    brought = {"key": args.key, "policy": args.policy, "since": args.since, "tsa_roots": args.tsa_roots, "demand": demand}
    if args.batch:
        return batch(brought)
    try:
        out = verify(args.words[0], bring(**brought))
    except (OSError, ValueError) as err:
        print(f"verify.py: {err}", file=sys.stderr)
        return 1
    if args.format == "json":
        print(json.dumps(out))
    else:
        for name, value in out.items():
            print(f"{name:<10} {value}")
    return out["exit"]


if __name__ == "__main__":
    sys.exit(main())
