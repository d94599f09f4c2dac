"""A receiver of webhooks on loopback, over HTTPS: it verifies each after Standard Webhooks, as strangers do."""

import base64
import contextlib
import hashlib
import hmac
import socket
import ssl
import threading
import time
from collections.abc import Callable
from pathlib import Path

from tests.http.server import SILENCE, Certificates, Request, Server, reply

KEY = bytes(range(32))
TOLERANCE_S = 300


def secret(key: bytes = KEY) -> str:
    return "whsec_" + base64.b64encode(key).decode()


def is_genuine(request: Request, key: bytes, now_s: float) -> bool:
    """What Standard Webhooks tells receivers to do, over the bytes of any body."""
    id_, moment = request.fields["webhook-id"], request.fields["webhook-timestamp"]
    content = b".".join((id_.encode(), moment.encode(), request.body))
    expected = base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
    signatures = [one.split(",") for one in request.fields["webhook-signature"].split(" ")]
    known = [value for version, value in signatures if version == "v1"]
    return abs(int(moment) - now_s) <= TOLERANCE_S and any(
        hmac.compare_digest(one, expected) for one in known
    )


class HttpsReceiver:
    """Takes what is signed and says 204, or what it is told; it can be killed, and started where it was.

    Attributes:
        url: with a path that is a secret.
        keys: further keys of the sink's options.
        answer: what it says to a genuine one, from the request on.
        clock: its own time, seconds since 1970.
    """

    def __init__(self, folder: Path) -> None:
        certificates = Certificates(folder)
        self._certificate = certificates.make("receiver", "IP:127.0.0.1")
        self._tls = certificates.serve(self._certificate)
        self.folder = folder
        self.requests: list[Request] = []
        self.answer: Callable[[Request], list[bytes]] = lambda request: [reply(status="204 No Content")]
        self.clock: Callable[[], float] = time.time
        self.key = KEY
        self._mute = threading.Event()
        self._server: _Server | None = None
        self._port = 0
        self.start()
        self.url = f"https://127.0.0.1:{self._port}/hooks/T0KEN"
        self.keys = {"secret_file": self.secrets(secret()), "ca_file": self._certificate}

    def secrets(self, *lines: str) -> Path:
        """A file of these secrets that nobody else may read."""
        path = self.folder / f"secret-{hashlib.sha256(repr(lines).encode()).hexdigest()[:8]}"
        path.write_text("".join(f"{line}\n" for line in lines))
        path.chmod(0o600)
        return path

    def arrived(self):
        found = [one for one in self.requests if is_genuine(one, self.key, self.clock())]
        return [(one.fields["webhook-id"], one.body, one.fields["content-type"]) for one in found]

    def kill(self):
        self._server.kill()

    def start(self):
        self._server = _Server(self._take, self._tls, self._port)
        self._port = self._server.port

    def mute(self):
        self._mute.set()

    def unmute(self):
        self._mute.clear()
        self._server.cut()

    def close(self):
        self.kill()

    def _take(self, request: Request) -> list[bytes]:
        self.requests.append(request)
        if self._mute.is_set():
            return [SILENCE]
        if request.method == "POST" and not is_genuine(request, self.key, self.clock()):
            return [reply(status="400 Bad Request", Date=http_date(self.clock()))]
        return self.answer(request)


def http_date(unix_s: float) -> str:
    return time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(unix_s))


class _Server(Server):
    """One whose connections can be torn."""

    def __init__(self, answer, tls: ssl.SSLContext, port: int) -> None:
        self._connections: set[socket.socket] = set()
        super().__init__(answer, tls, port)

    def _host(self, connection: socket.socket) -> None:
        with connection.dup() as held:
            self._connections.add(held)
            super()._host(connection)
            self._connections.discard(held)

    def cut(self) -> None:
        for connection in list(self._connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def kill(self) -> None:
        self.closing.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # else it takes one more
        self._listener.close()
        self.cut()
