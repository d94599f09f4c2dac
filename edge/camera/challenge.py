"""Why an RTSP camera refuses a login: FFmpeg says the same of a wrong password, of none, and of a way it does not know.

Sources: RFC 7616 and RFC 7617 (the challenges), RFC 7826, 19.1 (that RTSP has them, too); FFmpeg, httpauth.c.
"""

from __future__ import annotations

import re
import socket
from urllib.parse import urlsplit

_PORT = 554
_ANSWER_BYTES = 1 << 16
_CHALLENGE = re.compile(rb"^WWW-Authenticate:[ \t]*(\w+)(.*?)\r?$", re.IGNORECASE | re.MULTILINE)
_PARAMETER = re.compile(r'([\w-]+)[ \t]*=[ \t]*(?:"([^"]*)"|([^\s,]+))')
_DIGESTS = ("MD5", "MD5-SESS")


def ask(url: str, timeout_s: float) -> list[str]:
    """Ask a camera how it wants a login, without giving one; return its challenges, such as `Digest SHA-256`.

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
    return [_name(kind.decode(), rest.decode(errors="replace")) for kind, rest in _CHALLENGE.findall(answer)]


def explain(challenges: list[str], *, given: bool) -> str:
    """Say why a login is refused, and what to do.

    Args:
        challenges: what the camera asks for, as `ask` returns them.
        given: whether a login was given.
    """
    if not given:
        return "it asks for a login: set `user` and `password_file`"
    known = {"Basic", *(f"Digest {algorithm}" for algorithm in _DIGESTS)}
    if challenges and not known & set(challenges):
        return (
            f"it asks for a login by {' or '.join(challenges)}, which is not supported; set the camera to Digest with"
            " MD5, or to Basic"
        )
    return "it refuses the login: check `user` and `password_file`"


def _name(kind: str, rest: str) -> str:
    """Return a challenge as scheme and algorithm."""
    found = {name.lower(): quoted or bare for name, quoted, bare in _PARAMETER.findall(rest)}
    if kind.lower() != "digest":
        return kind.capitalize()
    checks = {check.strip().lower() for check in found.get("qop", "auth").split(",")}
    return f"Digest {found.get('algorithm', 'MD5').upper()}{'' if 'auth' in checks else ' with auth-int'}"
