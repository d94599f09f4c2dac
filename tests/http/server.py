"""A server on loopback that answers as it is told and keeps what it was asked."""

import contextlib
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import pytest

SILENCE = b"\0silence\0"  # says nothing more, and does not hang up


@dataclass(frozen=True)
class Request:
    method: str
    target: str
    fields: dict[str, str]
    body: bytes


class Server:
    """One request a connection; what `answer` gives is sent piece by piece, then it hangs up."""

    def __init__(
        self, answer: Callable[[Request], Iterable[bytes]], tls: ssl.SSLContext | None = None, port: int = 0
    ) -> None:
        self.requests: list[Request] = []
        self.closing = threading.Event()
        self._answer = answer
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", port))
        self.port = self._listener.getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        threading.Thread(target=self._serve, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self._listener.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._host, args=(connection,), daemon=True).start()

    def _host(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError), connection:
            if self._tls is not None:
                connection = self._tls.wrap_socket(connection, server_side=True)
            with connection, connection.makefile("rb") as said:
                request = self._read(said)
                self.requests.append(request)
                for piece in self._answer(request):
                    if piece == SILENCE:
                        self.closing.wait()
                        return
                    connection.sendall(piece)

    @staticmethod
    def _read(said) -> Request:
        method, target, _ = said.readline().decode().split(" ", 2)
        fields = {}
        while (line := said.readline().decode("utf-8").strip()) != "":
            name, _, value = line.partition(":")
            fields[name.lower()] = value.strip()
        return Request(method, target, fields, said.read(int(fields.get("content-length", "0"))))


def look_up(host: str) -> list:
    """The addresses of a host, without a bound."""
    return socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)


def reply(body: bytes = b"", status: str = "200 OK", **fields: str) -> bytes:
    """A whole answer; `content_type` is the field Content-Type."""
    stated = {"Content-Length": str(len(body))} | {
        name.replace("_", "-"): value for name, value in fields.items()
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in stated.items() if value)
    return f"HTTP/1.1 {status}\r\n{head}\r\n".encode() + body


class Certificates:
    """Files of a camera's certificate, made by OpenSSL."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def make(self, name: str, names: str) -> Path:
        """A certificate that signed itself, with its key; for such names as `IP:127.0.0.1`."""
        path = self._folder / f"{name}.pem"
        command = ["openssl", "req", "-x509", "-nodes", "-days", "7", "-newkey", "ec", "-subj", "/CN=camera"]
        command += ["-pkeyopt", "ec_paramgen_curve:prime256v1", "-addext", f"subjectAltName={names}"]
        try:
            made = subprocess.run([*command, "-keyout", "-"], capture_output=True, check=True)
        except FileNotFoundError:
            pytest.fail("needs openssl: apt-get install openssl")
        path.write_bytes(made.stdout)
        return path

    def serve(self, path: Path) -> ssl.SSLContext:
        """What a server with this certificate wraps its connections with."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context
