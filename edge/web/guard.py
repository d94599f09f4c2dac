"""Who may read: everybody on the machine itself, and elsewhere those who show the token.

The token protects every address, `/health` and `/metrics` too, but `/live`, which says one word. It goes as
`Authorization: Bearer TOKEN`, or as the password of HTTP Basic with any user name, so that a browser can ask for it.
Without a token, a request must be addressed to localhost or a loopback address, for a page elsewhere could let its own
name point here (DNS rebinding). A wrong token is refused slowly; the right one is never slowed.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import functools
import hmac
import ipaddress
import logging
from pathlib import Path

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from edge.errors import SettingsError
from edge.secret import read_secret
from edge.web.attempt import WrongTokens

_log = logging.getLogger(__name__)

LIVE = "/live"  # for a power relay, which has no token and calls the tower by any name
_TOKEN_LEAST = 16


@functools.lru_cache(maxsize=256)  # a crowd comes from few addresses
def is_loopback(host: str) -> bool:
    """Say whether a host name or address is this machine's own."""
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return host == "localhost"
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback


def read_token(path: Path) -> str:
    """Return the token in a file.

    Raises:
        SettingsError: it cannot be read, others may read it, or it is shorter than 16 characters.
    """
    token = read_secret(path, "web.token_file")
    if not token.isascii():
        raise SettingsError(f"web.token_file: cannot read {path}: it is not ASCII text")
    if len(token) < _TOKEN_LEAST:
        raise SettingsError(
            f"web.token_file: {path} holds {len(token)} characters, expected {_TOKEN_LEAST} or more; "
            "make one with: openssl rand -hex 32"
        )
    return token


def settle(host: str, token_file: Path | None) -> str | None:
    """Return the token that a server on this host asks for; None where it is the machine's own and none is named.

    Raises:
        SettingsError: open to others without a token, or an unfit token file.
    """
    if token_file is not None:
        return read_token(token_file)
    if not is_loopback(host):
        raise SettingsError(
            f"web.host: {host!r} is open to others; set token_file in [web], or host = '127.0.0.1'"
        )
    return None


class Guard:
    """An ASGI application that lets the right requests through to another.

    Args:
        app: the other.
        token: what they must show; None asks for a loopback `Host` instead.
        wrong: counts and slows those who show another.
    """

    def __init__(self, app: ASGIApp, token: str | None, wrong: WrongTokens) -> None:
        self._app = app
        self._token = token
        self._wrong = wrong

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 401 or 421, or let the other application answer."""
        if scope["path"] == LIVE:
            return await self._app(scope, receive, send)
        headers = Headers(scope=scope)
        if self._token is None:
            if is_loopback(_host_name(headers.get("host", ""))):
                return await self._app(scope, receive, send)
            refusal = PlainTextResponse("this server answers to localhost only\n", 421)
        else:
            shown = headers.get("authorization")
            if shown is not None:
                if _shows(shown, self._token):
                    scope["state"]["connection"].trust()
                    return await self._app(scope, receive, send)
                await self._slow(scope, receive)
            refusal = PlainTextResponse("the token is missing or wrong\n", 401)
            refusal.headers.append("WWW-Authenticate", 'Bearer realm="firetower"')
            refusal.headers.append("WWW-Authenticate", 'Basic realm="firetower"')
        return await refusal(scope, receive, send)

    async def _slow(self, scope: Scope, receive: Receive) -> None:
        """Let one who showed a wrong token wait, unless it goes."""
        address = scope["client"][0] if scope["client"] else "nowhere"
        _log.warning("%s showed the web server a wrong token", address)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._wrong.delay_s(address)):
                while (await receive())["type"] != "http.disconnect":
                    pass


def _host_name(host: str) -> str:
    """Return a Host header without its port."""
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.partition(":")[0].lower()


def _shows(authorization: str, token: str) -> bool:
    """Say whether an Authorization header holds the token, in a time that tells nothing about it."""
    scheme, _, value = authorization.partition(" ")
    if scheme.lower() == "basic":
        try:
            shown = base64.b64decode(value, validate=True).partition(b":")[2]
        except (binascii.Error, ValueError):
            return False
    else:
        shown = value.strip().encode("latin-1") if scheme.lower() == "bearer" else b""
    return hmac.compare_digest(shown, token.encode())
