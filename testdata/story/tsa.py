#!/usr/bin/env python3
"""A time-stamping authority to try things with, by `openssl ts`: nobody should believe it.

    python3 tsa.py DIR    makes keys in DIR, writes DIR/roots.pem, serves on 127.0.0.1
                          and writes where to DIR/url once it answers
"""
import os
import signal
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

CONFIG = """
[tsa]
default_tsa = ours
[ours]
serial = serial
signer_cert = tsa.pem
signer_key = tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
accuracy = secs:1
clock_precision_digits = 3
ess_cert_id_alg = sha256
[root]
basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign
[leaf]
keyUsage = critical, digitalSignature
extendedKeyUsage = critical, timeStamping
[req]
distinguished_name = name
[name]
"""


def openssl(*words):
    subprocess.run(["openssl", *words], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def write(name, data):
    with open(name + ".new", "wb") as f:
        f.write(data)
    os.rename(name + ".new", name)


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        length = int(self.headers.get("Content-Length", 0))
        if length > 65536 or self.headers.get("Content-Type") != "application/timestamp-query":
            return self.send_error(400)
        write("request.tsq", self.rfile.read(length))
        openssl("ts", "-reply", "-config", "tsa.cnf", "-queryfile", "request.tsq", "-out", "reply.tsr")
        with open("reply.tsr", "rb") as f:
            reply = f.read()
        self.send_response(200)
        self.send_header("Content-Type", "application/timestamp-reply")
        self.send_header("Content-Length", str(len(reply)))
        self.end_headers()
        self.wfile.write(reply)

    def log_message(self, *_):
        pass


def main():
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    os.umask(0o077)
    os.makedirs(sys.argv[1], exist_ok=True)
    os.chdir(sys.argv[1])
    write("tsa.cnf", CONFIG.encode())
    if not os.path.exists("roots.pem"):
        new = ["req", "-config", "tsa.cnf", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        openssl(*new, "-x509", "-days", "3650", "-subj", "/CN=Example root", "-extensions", "root", "-keyout", "root.key", "-out", "root.new")
        openssl(*new, "-subj", "/CN=Example TSA", "-keyout", "tsa.key", "-out", "tsa.csr")
        openssl("x509", "-req", "-in", "tsa.csr", "-CA", "root.new", "-CAkey", "root.key", "-set_serial", "2", "-days", "3649",
                "-extfile", "tsa.cnf", "-extensions", "leaf", "-out", "tsa.pem")
        write("serial", b"01\n")
        os.rename("root.new", "roots.pem")
    server = HTTPServer(("127.0.0.1", 0), Handler)
    write("url", b"http://127.0.0.1:%d\n" % server.server_port)
    server.serve_forever()


main()
