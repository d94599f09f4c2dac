"""Why FFmpeg cannot log in: it says the same of a wrong password, of none, and of a way that it does not know.

Sources: RFC 7826, 19.1 (RTSP has the challenges of HTTP); FFmpeg, libavformat/httpauth.c (what it takes of them).
"""

from __future__ import annotations

import re
import socket
from collections.abc import Sequence
from urllib.parse import urlsplit

from edge.http.login import Challenge, challenges

_PORT = 554
_ANSWER_BYTES = 1 << 16
_FIELD = re.compile(rb"^WWW-Authenticate:[ \t]*(.*?)\r?$", re.IGNORECASE | re.MULTILINE)
_ALGORITHMS = ("", "MD5", "MD5-sess")  # spelled so


def ask(url: str, timeout_s: float) -> list[str]:
    """Ask an RTSP camera how it wants a login, without giving one; return its `WWW-Authenticate` fields.

    Args:
        url: with a host.
        timeout_s: of each step.

    Raises:
        OSError: it gives no answer now.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    place = f"[{host}]" if ":" in host else host
    target = f"rtsp://{place}:{parts.port or _PORT}{parts.path}{'?' + parts.query if parts.query else ''}"
    request = f"DESCRIBE {target} RTSP/1.0\r\nCSeq: 1\r\nAccept: application/sdp\r\n\r\n"
    answer = b""
    with socket.create_connection((host, parts.port or _PORT), timeout_s) as connection:
        connection.sendall(request.encode())
        while b"\r\n\r\n" not in answer and len(answer) < _ANSWER_BYTES and (came := connection.recv(4096)):
            answer += came
    return [field.decode("latin-1") for field in _FIELD.findall(answer)]


def unknown(offered: Sequence[str]) -> str | None:
    """Name the login that FFmpeg would have to give and does not know; None where it knows it.

    Of all fields it takes the last that begins with Digest, else the last with Basic, whatever it knows of them.

    Args:
        offered: the `WWW-Authenticate` fields, at least one.
    """
    first = [found[0] for field in offered if (found := challenges([field]))]
    for scheme in ("digest", "basic"):
        named = [one for one in first if one.scheme.lower() == scheme]
        if named:
            return None if _is_known(named[-1]) else named[-1].shown
    return " or ".join(one.shown for one in challenges(offered)) or "a way that it does not name"


def explain(offered: Sequence[str], *, given: bool) -> str:
    """Say why a login over RTSP is refused, and what to do.

    Args:
        offered: the `WWW-Authenticate` fields; none where they are not known.
        given: whether a login was given.
    """
    if not given:
        return "it asks for a login: set `user` and `password_file`"
    if offered and (name := unknown(offered)) is not None:
        return f"it asks for a login by {name}, which is not supported; set the camera to Digest with MD5, or to Basic"
    return "it refuses the login: check `user` and `password_file`"


def _is_known(challenge: Challenge) -> bool:
    return challenge.way == "basic" or (
        challenge.way == "md5" and challenge.values.get("algorithm", "") in _ALGORITHMS
    )
