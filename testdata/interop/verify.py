#!/usr/bin/env python3
"""A second verifier of greffe bundles, written from ledger/FORMAT.md alone.

    verify.py BUNDLE KEY [-o text|json]
    verify.py --batch KEY          paths from standard input, one JSON line each;
                                   a line may be PATH, a tab and another key

KEY is the verification key, or a file that holds it. Only the standard library
of Python 3.9 is needed. It exists to show that FORMAT.md is enough to read a
bundle; section numbers below are those of that file. Exit codes: 0 sound;
1 a file or key cannot be read; 2 usage; 3 tampering, or no sound bundle at all;
4 the bundle claims something that cannot be shown.
"""
import argparse
import base64
import functools
import hashlib
import json
import re
import struct
import sys

RECORDED, DUPLICATE, CONFLICT, QUARANTINED = 1, 2, 3, 4
KEEPS_PAYLOAD = (RECORDED, CONFLICT)
MAX_PAYLOAD, MAX_SECTION, MAX_SECTIONS, MAX_CHECKPOINT = 262144, 524288, 64, 65536
PUBLISHER = re.compile(rb"[a-z][a-z0-9-]{0,31}")
TYPE = re.compile(rb"(?=.{1,80}\Z)[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+\.v[1-9][0-9]{0,3}")
AGGREGATE = re.compile(rb"(?=.{1,96}\Z)[a-z][a-z0-9_]*/[\x21-\x7e]+")
WHAT = {  # the codes of ledger/verify/faults.go that this program reports
    "V001": "not a greffe bundle", "V002": "unknown version of the bundle", "V003": "the file ends early",
    "V004": "bytes without meaning here", "V005": "header not canonical", "V006": "seq not consecutive",
    "V007": "the next entry does not link to this one", "V008": "the first entry opens no ledger",
    "V009": "prev of the genesis is not that of its ledger id", "V010": "stream_seq does not follow",
    "V011": "the epoch changes without its event", "V012": "ledgered_at went back",
    "V013": "payload of another digest", "V014": "payload that this disposition does not keep",
    "V015": "unknown section, or too many or too large", "V016": "trailer is another digest",
    "V017": "bytes after the trailer", "V018": "not exactly one checkpoint", "V019": "checkpoint not canonical",
    "V020": "checkpoint of another origin", "V021": "checkpoint of another size",
    "V022": "checkpoint of another root", "V023": "no valid signature by this key",
}


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


def point_mul(n, point):
    result = (0, 1, 1, 0)
    while n:
        if n & 1:
            result = point_add(result, point)
        point, n = point_add(point, point), n >> 1
    return result


def point_decode(data):
    """Decodes a point, section 5.1.3; None if the bytes are not one."""
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


# ---- signed notes: the key and the checkpoint, section 4 ---------------------------------------


def base64_strict(text):
    """Decodes base64 that has one form only: padded, with zero trailing bits."""
    data = base64.b64decode(text, validate=True)
    if base64.b64encode(data).decode() != text:
        raise ValueError("base64 in another form")
    return data


def is_key_name(name):
    return name != "" and "+" not in name and not any(c.isspace() for c in name)


def parse_key(text):
    """Reads name+id+base64(1 || public key); returns (name, id, public key)."""
    name, key_id, rest = text.strip().split("+", 2)
    key = base64_strict(rest)
    want = sha256(name.encode() + b"\n" + key)[:4]
    if not is_key_name(name) or len(key) != 33 or key[0] != 1 or key_id != want.hex():
        raise ValueError("not an Ed25519 verification key")
    return name, want, key[1:]


def read_key(arg):
    try:
        return parse_key(arg)
    except ValueError:
        with open(arg, encoding="utf-8") as file:
            return parse_key(file.read(4097))


def parse_checkpoint(body):
    """Returns (text, origin, size, root, signatures); ValueError if the form is another."""
    note = body.decode("utf-8")
    if len(body) > MAX_CHECKPOINT or re.search(r"[\x00-\x09\x0b-\x1f]", note):
        raise ValueError("too long, or control characters")
    text, blank, tail = note.partition("\n\n")
    origin, size, root = text.split("\n")
    if not blank or not re.fullmatch(r"0|[1-9][0-9]{0,18}", size, re.ASCII) or int(size) >= 2**63:
        raise ValueError("not three lines and a blank one, or a bad size")
    root = base64_strict(root)
    if not is_key_name(origin) or len(root) != 32 or not tail.endswith("\n"):
        raise ValueError("bad origin, root or end")
    signatures = []
    for line in tail[:-1].split("\n"):
        dash, name, value = line.split(" ")
        value = base64_strict(value)
        if dash != "\u2014" or not is_key_name(name) or len(value) < 5:
            raise ValueError("bad signature line")
        signatures.append((name, value[:4], value[4:]))
    if len(signatures) > 100:
        raise ValueError("more than 100 signature lines")
    return text + "\n", origin, int(size), root, signatures


def is_signed(text, origin, signatures, key):
    """Says whether the key's line is there, under its own name, and valid."""
    name, key_id, public = key
    mine = [s for n, i, s in signatures if (n, i) == (name, key_id)]
    return origin == name and mine != [] and all(ed25519_verify(public, text.encode(), s) for s in mine)


# ---- canonical JSON, section 1.1, needed for the genesis ---------------------------------------


def refuse(_):
    raise ValueError("number that is not an integer")


def check_value(value, depth):
    """Refuses what canonical JSON does not have, though Python reads it."""
    if value is None or depth > 32 or isinstance(value, int) and abs(value) > 2**53 - 1:
        raise ValueError("null, too deep or too large")
    for child in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        check_value(child, depth + isinstance(child, (dict, list)))


def parse_canonical(data):
    """Parses canonical JSON: what does not write itself again is refused."""
    value = json.loads(data.decode("utf-8"), parse_float=refuse, parse_constant=refuse)
    check_value(value, int(isinstance(value, (dict, list))))
    # Python sorts by code point, which is the order of the UTF-8 bytes, and has the escapes of §1.1.
    again = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    if again.encode("utf-8") != data:
        raise ValueError("not canonical")
    return value


# ---- entries, sections 2 and 3 -----------------------------------------------------------------

FIXED = struct.Struct(">BBQ32sIQQ32sI16s")


class Header:
    """The fields of a header. ok says whether §2.2 holds; the fixed fields are there anyhow."""

    def __init__(self, raw):
        self.raw = raw
        (self.version, self.disposition, self.seq, self.prev, self.epoch, self.stream_seq, self.ledgered_at,
         self.payload_hash, self.payload_len, self.event_id) = FIXED.unpack_from(raw)
        names, at = [], FIXED.size
        while len(names) < 3 and at < len(raw) and at + 1 + raw[at] <= len(raw):
            names.append(raw[at + 1:at + 1 + raw[at]])
            at += 1 + raw[at]
        self.ok = len(names) == 3 and at == len(raw) and self.obeys_rules(names)
        self.publisher, self.type, self.aggregate = names if len(names) == 3 else (b"", b"", b"")

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


def parse_genesis(header, payload):
    """Returns the data of the genesis, §3.2; ValueError if the entry is not one."""
    want = (RECORDED, 0, 1, 1, b"greffe", b"ledger.opened.v1")
    got = (header.disposition, header.seq, header.epoch, header.stream_seq, header.publisher, header.type)
    if not header.ok or got != want or payload is None or not payload.isascii():
        raise ValueError("not a genesis")
    event = parse_canonical(payload)
    if not isinstance(event, dict) or event.get("type") != header.type.decode():
        raise ValueError("another type than its header: §3.3 would have quarantined it")
    data = event.get("data")
    names = ("ledger", "ledger_id", "origin", "vkey", "zone", "calendar")
    if not isinstance(data, dict) or not all(isinstance(data.get(n), str) and data[n] for n in names):
        raise ValueError("a member is missing")
    if not PUBLISHER.fullmatch(data["ledger"].encode()) or not re.fullmatch("[0-9a-f]{32}", data["ledger_id"]):
        raise ValueError("bad ledger or ledger_id")
    if re.search(r"[\x00-\x20\x7f+]", data["origin"]) or type(data.get("format")) is not int or data["format"] != 1:
        raise ValueError("bad origin or format")
    return data


class Tree:
    """The root of RFC 6962 over leaf hashes that come one by one, §3.4."""

    def __init__(self):
        self.size, self.stack = 0, []  # the roots of perfect subtrees, largest first

    def add(self, leaf):
        n = self.size
        while n & 1:
            leaf, n = sha256(b"\x01" + self.stack.pop() + leaf), n >> 1
        self.stack.append(leaf)
        self.size += 1

    def root(self):
        if not self.stack:
            return sha256(b"")
        return functools.reduce(lambda right, left: sha256(b"\x01" + left + right), reversed(self.stack))


# ---- the bundle, section 5 ---------------------------------------------------------------------


class Stop(Exception):
    """The bytes that follow cannot be understood."""


class Verifier:
    """One pass over one bundle. Faults are (code, seq or None); reading goes on where it can."""

    def __init__(self, file, key):
        self.file, self.key = file, key
        self.digest, self.tree = hashlib.sha256(), Tree()
        self.faults, self.genesis, self.last, self.leaf = [], None, None, None
        self.checkpoints, self.reserved, self.absent, self.signed = [], set(), 0, None

    def fault(self, code, seq=None):
        self.faults.append((code, seq))

    def stop(self, code, seq=None):
        self.fault(code, seq)
        raise Stop

    def take(self, n, seq=None, covered=True):
        """Reads n bytes; the trailer's digest covers them unless they are of a payload."""
        parts, left = [], n
        while left:
            part = self.file.read(min(left, 1 << 20))  # a forged length must not reserve memory
            if not part:
                self.stop("V003", seq)
            parts.append(part)
            left -= len(part)
        data = b"".join(parts)
        if covered:
            self.digest.update(data)
        return data

    def run(self):
        try:
            self.read()
        except Stop:
            pass
        # A fault of an entry comes before those of no entry, the one of the earlier entry first.
        self.faults.sort(key=lambda f: (f[1] is None, f[1] or 0))

    def read(self):
        magic = self.file.read(8)
        self.digest.update(magic)
        if magic != b"\x89GREFFE\n":
            self.stop("V001")
        if self.take(2) != b"\x00\x01":
            self.stop("V002")
        tag, sections = self.take(1), 0
        while tag == b"\x01":
            self.record()
            tag = self.take(1)
        while tag == b"\x02":
            sections += 1
            self.section(sections)
            tag = self.take(1)
        if tag != b"\x00":
            self.stop("V004")
        want = self.digest.digest()
        if self.take(32, covered=False) != want:
            self.fault("V016")
        if self.file.read(1):
            self.fault("V017")
        self.check_whole()

    def record(self):
        at = self.tree.size  # the entry's place in the bundle, whatever its header says
        length = struct.unpack(">H", self.take(2, at))[0]
        raw = self.take(length, at)
        if length < FIXED.size:
            self.stop("V005", at)  # payload_len is not there, so the record's end is unknown
        header = Header(raw)
        if not header.ok:
            self.fault("V005", at)
        present = self.take(1, at)[0]
        if present > 1:
            self.stop("V004", at)
        if present and header.payload_len > MAX_PAYLOAD:
            self.stop("V005", at)  # §6: no payload is longer, not even one that should not be here
        payload = self.take(header.payload_len, at, covered=False) if present else None
        self.check_payload(at, header, payload)
        self.check_place(at, header, payload)
        self.last, self.leaf = header, sha256(b"\x00" + raw)
        self.tree.add(self.leaf)

    def check_payload(self, at, header, payload):
        if payload is None:
            self.absent += header.disposition in KEEPS_PAYLOAD
        elif header.disposition not in KEEPS_PAYLOAD:
            self.fault("V014", at)
        elif sha256(payload) != header.payload_hash:
            self.fault("V013", at)

    def check_place(self, at, header, payload):
        """Seq, link, stream position and time, against the entry before: §3.1 to §3.3."""
        if header.seq != at:
            self.fault("V006", at)
        if at == 0:
            self.check_genesis(header, payload)
            return
        last = self.last
        if header.prev != self.leaf:
            self.fault("V007", at - 1)
        if header.epoch == last.epoch:
            if header.stream_seq != last.stream_seq + 1:
                self.fault("V010", at)
        elif (header.disposition, header.publisher, header.type, header.stream_seq, header.epoch) != (
                RECORDED, b"greffe", b"ledger.epoch_opened.v1", 1, last.epoch + 1):
            self.fault("V011", at)
        if header.ledgered_at < last.ledgered_at:
            self.fault("V012", at)

    def check_genesis(self, header, payload):
        try:
            self.genesis = parse_genesis(header, payload)
        except (ValueError, RecursionError):
            self.fault("V008", 0)
            return
        if header.prev != sha256(b"greffe genesis v1" + bytes.fromhex(self.genesis["ledger_id"])):
            self.fault("V009", 0)

    def section(self, number):
        kind, length = struct.unpack(">BI", self.take(5))
        if number > MAX_SECTIONS or not 1 <= kind <= 5 or length > MAX_SECTION:
            self.stop("V015")
        body = self.take(length)
        if kind == 1:
            self.checkpoints.append(body)
        else:
            self.reserved.add(kind)

    def check_whole(self):
        """The checkpoint against what was read, §5.1 point 5."""
        if self.genesis is None and self.tree.size == 0:
            self.fault("V008")
        self.signed = False
        if len(self.checkpoints) != 1:
            self.fault("V018")
            return
        try:
            text, origin, size, root, signatures = parse_checkpoint(self.checkpoints[0])
        except ValueError:
            self.fault("V019")
            return
        if self.genesis is not None and origin != self.genesis["origin"]:
            self.fault("V020")
        if size != self.tree.size:
            self.fault("V021")
        if root != self.tree.root():
            self.fault("V022")
        self.signed = is_signed(text, origin, signatures, self.key)
        if not self.signed:
            self.fault("V023")

    def report(self, name):
        """The verdicts and the first fault, for people or programs."""
        scope = {"V001", "V002", "V003", "V004", "V006", "V008", "V015", "V018", "V019", "V021"}
        codes = {code for code, _ in self.faults}
        unclear = {"signature": {4}, "time": {2, 3}, "erasure": {5}}
        claims = {n: "unconfirmed" if kinds & self.reserved else "sound" for n, kinds in unclear.items()}
        out = {
            "bundle": name, "exit": 0, "size": self.tree.size, "root": self.tree.root().hex(),
            "content": "failed" if codes - {"V023"} else "sound",
            "signature": "failed" if self.signed is False else claims["signature"] if self.signed else "unconfirmed",
            "time": "unconfirmed" if claims["time"] == "unconfirmed" else "not_claimed",
            "scope": "failed" if codes & scope else "sound",
            "erasure": "unconfirmed" if self.absent else claims["erasure"],
            "fault": None,
        }
        if self.faults:
            code, seq = self.faults[0]
            out["fault"] = {"code": code, "seq": seq, "what": WHAT[code]}
        verdicts = [out[n] for n in ("content", "signature", "time", "scope", "erasure")]
        out["exit"] = 3 if "failed" in verdicts else 4 if "unconfirmed" in verdicts else 0
        return out


def verify(path, key):
    """Verifies one bundle; OSError if it cannot be read."""
    with open(path, "rb") as file:
        verifier = Verifier(file, key)
        verifier.run()
    return verifier.report(path)


def batch(key_arg):
    """Verifies each path of standard input; the exit code says only that all could be read."""
    worst = 0
    for line in sys.stdin:
        path, _, other = line.rstrip("\n").partition("\t")
        try:
            out = verify(path, read_key(other or key_arg))
        except (OSError, ValueError) as err:
            out, worst = {"bundle": path, "exit": 1, "error": str(err)}, 1
        print(json.dumps(out))
    return worst


def main():
    parser = argparse.ArgumentParser(description="verify a greffe bundle, from FORMAT.md alone")
    parser.add_argument("bundle", nargs="?")
    parser.add_argument("key")
    parser.add_argument("-o", choices=("text", "json"), default="text", dest="format")
    parser.add_argument("--batch", action="store_true")
    args = parser.parse_args()
    if args.batch == (args.bundle is not None):
        parser.error("give a bundle and a key, or --batch and a key")
    if args.batch:
        return batch(args.key)
    try:
        out = verify(args.bundle, read_key(args.key))
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
