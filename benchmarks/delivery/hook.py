"""A receiver of webhooks over HTTPS: verifies each, writes it down, and answers as the file `mood` says."""

from __future__ import annotations

import base64
import hmac
import ssl
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Literal, TypeAlias

from benchmarks.delivery.taken import READY, Book

Mood: TypeAlias = Literal["well", "refuse", "mute", "slow"]
KEY = bytes(range(32))
_TOLERANCE_S = 300
_SLOW_S = 2.0
_MUTE_S = 600.0


def serve(folder: str, host: str, port: int) -> None:
    """Serve until the process is killed; `ready` appears when it does.

    Args:
        folder: of its own, with `certificate.pem`.
        host: where.
        port: there.
    """
    place = Path(folder)
    book, lock = Book(place / "taken.jsonl"), threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 60

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            mood = mood_of(place)
            if mood == "slow":
                time.sleep(_SLOW_S)
            genuine = is_genuine(dict(self.headers.items()), body, time.time())
            if genuine and mood != "refuse":
                with lock:
                    book.write(self.headers["webhook-id"], body, self.headers["Content-Type"])
            if mood == "mute":
                time.sleep(_MUTE_S)
            self.send_response(503 if mood == "refuse" else 204 if genuine else 400)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_words: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer((host, port), Handler)
    server.daemon_threads = True
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(place / "certificate.pem")
    # shaken hands in the thread of its request: one that never does stops nobody else
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    (place / READY).touch()
    server.serve_forever()


def mood_of(folder: Path) -> Mood:
    """Return how it answers just now."""
    try:
        said = (folder / "mood").read_text()
    except FileNotFoundError:
        return "well"
    return next((mood for mood in ("refuse", "mute", "slow") if mood == said), "well")


def is_genuine(headers: dict[str, str], body: bytes, now_s: float) -> bool:
    """Say whether a request is signed after Standard Webhooks, and of now."""
    fields = {name.lower(): value for name, value in headers.items()}
    id_, moment = fields.get("webhook-id", ""), fields.get("webhook-timestamp", "")
    if not moment.isdecimal() or abs(int(moment) - now_s) > _TOLERANCE_S:
        return False
    expected = base64.b64encode(hmac.digest(KEY, f"{id_}.{moment}.".encode() + body, "sha256")).decode()
    given = fields.get("webhook-signature", "").split(" ")
    return any(hmac.compare_digest(f"v1,{expected}", one) for one in given)
