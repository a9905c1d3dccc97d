"""A time-stamping authority for tests: OpenSSL makes and signs every answer, a thread here carries it over HTTP."""

from __future__ import annotations

import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.services.fixtures import lacking

_CONFIG = """
[tsa]
default_tsa = one
[one]
serial = {folder}/serial
signer_cert = {folder}/tsa.pem
signer_key = {folder}/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha384, sha512
accuracy = secs:1
ess_cert_id_alg = sha256
[ca]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign
subjectKeyIdentifier = hash
[req]
distinguished_name = dn
[dn]
[stamping]
extendedKeyUsage = critical,timeStamping
keyUsage = critical,digitalSignature
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
"""


def openssl(*words: str | Path, data: bytes = b"") -> bytes:
    """Run it; what it printed. Without it the test is skipped, or fails where services are required.

    :raises subprocess.CalledProcessError: it said no.
    """
    program = shutil.which("openssl")
    if program is None:
        lacking("there is no openssl on PATH")
    command = [program, *(str(word) for word in words)]
    return subprocess.run(command, input=data, capture_output=True, check=True, timeout=60).stdout


class Tsa:
    """:ivar ca: its root certificate. :ivar url: where it answers. :ivar broken: answers this instead while set."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.url = url
        self.ca = folder / "ca.pem"
        self.broken: tuple[int, bytes] | None = None
        folder.mkdir()
        config = folder / "tsa.cnf"
        config.write_text(_CONFIG.format(folder=folder))
        (folder / "serial").write_text("01\n")
        new = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-config", config)
        root = ("-subj", "/CN=test root", "-extensions", "ca", "-days", "2")
        openssl("req", "-x509", *new, *root, "-keyout", folder / "ca.key", "-out", self.ca)
        openssl("req", *new, "-subj", "/CN=test tsa", "-keyout", folder / "tsa.key", "-out", folder / "tsa.csr")
        issued = ("-CA", self.ca, "-CAkey", folder / "ca.key", "-CAcreateserial", "-days", "2")
        more = ("-extfile", config, "-extensions", "stamping")
        openssl("x509", "-req", "-in", folder / "tsa.csr", *issued, *more, "-out", folder / "tsa.pem")

    def answer(self, query: bytes) -> tuple[int, bytes]:
        """Status and body for a query."""
        if self.broken is not None:
            return self.broken
        (self.folder / "query").write_bytes(query)
        asked = ("-queryfile", self.folder / "query", "-config", self.folder / "tsa.cnf", "-section", "one")
        return 200, openssl("ts", "-reply", *asked)

    def takes(self, response: bytes, data: bytes) -> bool:
        """Whether OpenSSL verifies the answer as one over the data."""
        for name, content in (("response", response), ("data", data)):
            (self.folder / name).write_bytes(content)
        told = ("-in", self.folder / "response", "-data", self.folder / "data", "-CAfile", self.ca)
        try:
            openssl("ts", "-verify", *told)
        except subprocess.CalledProcessError:
            return False
        return True


@contextmanager
def running(folder: Path) -> Iterator[Tsa]:
    """An authority on loopback."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            query = self.rfile.read(int(self.headers["content-length"]))
            assert self.headers["content-type"] == "application/timestamp-query"
            status, body = tsa.answer(query)
            self.send_response(status)
            self.send_header("content-type", "application/timestamp-reply")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        tsa = Tsa(folder, f"http://127.0.0.1:{server.server_port}/tsa")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield tsa
        finally:
            server.shutdown()
            thread.join()
