"""A file server on this machine that can behave badly, one way for each address."""

import hashlib
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from types import TracebackType

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass
class Asked:
    """One request: its path, the first byte asked for, and who is said to ask."""

    method: str
    path: str
    begin: int
    authorization: str


class Handler(BaseHTTPRequestHandler):
    """Calls what the server has for the path."""

    protocol_version = "HTTP/1.1"
    server: "LyingServer"

    def do_GET(self) -> None:
        begin = int(self.headers.get("range", "bytes=0-").removeprefix("bytes=").partition("-")[0])
        self.server.asked.append(Asked(self.command, self.path, begin, self.headers.get("authorization", "")))
        manner, content = self.server.files.get(self.path, (missing, b""))
        self.close_connection = True
        with suppress(BrokenPipeError, ConnectionResetError):  # the client has seen enough
            manner(self, content, begin)

    do_HEAD = do_GET

    def head(self, status: int, **headers: object) -> None:
        """Status and headers; underscores stand for hyphens."""
        self.send_response(status)
        for name, value in {"Connection": "close", **headers}.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class LyingServer(ThreadingHTTPServer):
    """Context manager. files: path to (manner, content). asked: all requests so far. ended: set when it ends."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, tuple[Manner, bytes]] = {}
        self.asked: list[Asked] = []
        self.ended = threading.Event()
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.reached = threading.Event()  # a manner that waits has got so far

    def encrypt(self, folder: Path) -> Path:
        """Speak https with a certificate of its own for 127.0.0.1, whose file is returned."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
        now = datetime.now(UTC)
        known = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
        made = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(1)
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(known, critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .sign(key, hashes.SHA256())
        )
        both = folder / "both.pem"
        plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        both.write_bytes(key.private_bytes(serialization.Encoding.PEM, *plain))
        certificate = folder / "certificate.pem"
        certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
        with both.open("ab") as file:
            file.write(certificate.read_bytes())
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(both)
        self.socket = context.wrap_socket(self.socket, server_side=True)
        self.url = self.url.replace("http:", "https:")
        return certificate

    def handle_error(self, *_: object) -> None:
        """A client that does not trust the certificate hangs up; it is not shown."""

    def begins(self) -> list[int]:
        """The first byte of each download asked for."""
        return [one.begin for one in self.asked if one.method == "GET"]

    def __enter__(self) -> "LyingServer":
        self._thread = threading.Thread(target=self.serve_forever, args=(0.02,))
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.ended.set()
        self.shutdown()
        self._thread.join()
        self.server_close()


Manner = Callable[[Handler, bytes, int], None]


def etag(content: bytes) -> str:
    return f'"{hashlib.sha256(content).hexdigest()[:16]}"'


def missing(to: Handler, content: bytes, begin: int) -> None:
    to.head(404, Content_Length=0)


def good(to: Handler, content: bytes, begin: int) -> None:
    """As a server should, ranges included."""
    if begin:
        size = len(content)
        part = f"bytes {begin}-{size - 1}/{size}"
        to.head(206, Content_Length=size - begin, Content_Range=part, ETag=etag(content))
        to.wfile.write(content[begin:])
    else:
        to.head(200, Content_Length=len(content), ETag=etag(content))
        if to.command == "GET":
            to.wfile.write(content)


def without_ranges(to: Handler, content: bytes, begin: int) -> None:
    to.head(200, Content_Length=len(content))
    to.wfile.write(content)


def breaks_off(to: Handler, content: bytes, begin: int) -> None:
    """Promises all, and hangs up in the middle; gives the rest to whoever asks for that."""
    if begin:
        good(to, content, begin)
        return
    to.head(200, Content_Length=len(content), ETag=etag(content))
    to.wfile.write(content[: len(content) // 2])


def stalls(to: Handler, content: bytes, begin: int) -> None:
    """Sends half, and then nothing, without hanging up."""
    to.head(200, Content_Length=len(content), ETag=etag(content))
    to.wfile.write(content[: len(content) // 2])
    to.wfile.flush()
    to.server.reached.set()
    to.server.ended.wait(30)


def trickles(to: Handler, content: bytes, begin: int) -> None:
    to.head(200, Content_Length=len(content))
    for byte in content:
        to.wfile.write(bytes([byte]))
        if to.server.ended.wait(0.05):
            return


def silent(to: Handler, content: bytes, begin: int) -> None:
    """Takes the question and never answers."""
    to.server.reached.set()
    to.server.ended.wait(30)


def endless(to: Handler, content: bytes, begin: int) -> None:
    """Says nothing of a length, and does not stop."""
    to.head(200, Transfer_Encoding="chunked")
    while True:
        to.wfile.write(b"10000\r\n" + bytes(0x10000) + b"\r\n")


def without_that_range(to: Handler, content: bytes, begin: int) -> None:
    """Refuses to go on where a part ends."""
    if begin:
        to.head(416, Content_Length=0)
    else:
        good(to, content, 0)


def another_part(to: Handler, content: bytes, begin: int) -> None:
    """Answers with bytes that nobody asked for, when it is asked for a part."""
    if not begin:
        good(to, content, begin)
        return
    size = len(content)
    to.head(206, Content_Length=size - 1, Content_Range=f"bytes 1-{size - 1}/{size}")
    to.wfile.write(content[1:])


def redirects(place: str) -> Manner:
    def manner(to: Handler, content: bytes, begin: int) -> None:
        to.head(302, Location=place, Content_Length=0)

    return manner
