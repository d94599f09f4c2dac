"""How HTTP asks for a login, and the answers: Basic, and Digest with MD5 or SHA-256 and their session variants.

Sources: RFC 9110 section 11 (challenges), RFC 7617 (Basic), RFC 7616 and RFC 2617 (Digest).
"""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.request import parse_http_list

from edge.errors import HttpError

_HASHES = {"MD5": "md5", "SHA-256": "sha256"}
_RANK = ("basic", "md5", "sha256")
_SCHEME = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+)(?:[ \t]+(.*))?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Login:
    """Who asks. Never shown."""

    user: str = field(repr=False)
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Challenge:
    """One way to log in that a server offers.

    Attributes:
        scheme: such as `Digest`.
        values: by their names in small letters; each byte is a character (latin-1), as HTTP has it.
    """

    scheme: str
    values: dict[str, str]

    @property
    def shown(self) -> str:
        """Its name for people."""
        algorithm = self.values.get("algorithm")
        other = "" if "auth" in self.protections else f" for {self.values.get('qop')}"
        return self.scheme + (f" with {algorithm}" if algorithm else "") + other

    @property
    def protections(self) -> list[str]:
        """What it offers to protect; the whole of a message (auth-int) is not known here."""
        return [one.strip().lower() for one in (self.values.get("qop") or "auth").split(",")]

    @property
    def way(self) -> str | None:
        """What it is here; None where it is not known."""
        if self.scheme.lower() == "basic":
            return "basic"
        if self.scheme.lower() != "digest" or "auth" not in self.protections:
            return None
        return _HASHES.get(self.values.get("algorithm", "MD5").upper().removesuffix("-SESS"))


class Answers:
    """The answers to a server's challenge: the first request meets it, later ones go without being asked.

    Args:
        login: who asks; None where nobody is known.

    Attributes:
        offered: the `WWW-Authenticate` fields of the last 401; empty where the server did not ask.
    """

    def __init__(self, login: Login | None) -> None:
        self.offered: tuple[str, ...] = ()
        self._login = login
        self._challenge: Challenge | None = None
        self._cnonce = ""
        self._count = 0

    def header(self, method: str, target: str) -> str | None:
        """Return the field `Authorization` of a request, in latin-1; None before there was a challenge."""
        if self._challenge is None or self._login is None:
            return None
        if self._challenge.way == "basic":
            pair = f"{self._login.user}:{self._login.password}"
            return f"Basic {base64.b64encode(pair.encode()).decode()}"
        self._count += 1
        return self._digest(self._challenge, self._login, method, target)

    def meet(self, lines: Iterable[str], *, answered: bool) -> None:
        """Take the challenge of a 401.

        Args:
            lines: its `WWW-Authenticate` fields.
            answered: whether a challenge of this very request was answered before.

        Raises:
            HttpError: there is no login, no challenge that is known, or the login is refused.
        """
        self.offered = tuple(lines)
        found = challenges(self.offered)
        names = ", ".join(one.shown for one in found) or "no scheme named"
        known = [one for one in found if one.way is not None]
        if self._login is None:
            raise HttpError(f"it asks for a login (401, {names}); set `user` and `password_file`")
        if not known:
            raise HttpError(
                f"it asks for a login that is not known here (401, {names}); known are Basic, and Digest with MD5 or"
                " SHA-256 for auth: change it in the camera. The password was not sent"
            )
        best = max(known, key=lambda one: _RANK.index(one.way or ""))
        if answered and best.values.get("stale", "").lower() != "true":
            raise HttpError(f"it refuses the login (401, {best.shown}); check `user` and `password_file`")
        self._challenge, self._cnonce, self._count = best, secrets.token_hex(8), 0

    def _digest(self, challenge: Challenge, login: Login, method: str, target: str) -> str:
        values = challenge.values
        realm, nonce, algorithm = (
            values.get("realm", ""),
            values.get("nonce", ""),
            values.get("algorithm", ""),
        )

        def digest(*parts: str) -> str:
            data = ":".join(parts).encode("latin-1")
            return hashlib.new(challenge.way or "", data, usedforsecurity=False).hexdigest()

        # in UTF-8, each byte a character as in the values
        user, password = (text.encode().decode("latin-1") for text in (login.user, login.password))
        secret = digest(user, realm, password)
        if algorithm.lower().endswith("-sess"):
            secret = digest(secret, nonce, self._cnonce)
        count, asked = f"{self._count:08x}", digest(method, target)
        fields = {"username": user, "realm": realm, "nonce": nonce, "uri": target}
        bare = {"algorithm": algorithm} if algorithm else {}
        if values.get("qop"):
            fields["response"] = digest(secret, nonce, count, self._cnonce, "auth", asked)
            bare |= {"qop": "auth", "nc": count}
        else:
            fields["response"] = digest(secret, nonce, asked)
        if values.get("qop") or algorithm.lower().endswith("-sess"):
            fields["cnonce"] = self._cnonce
        if "opaque" in values:
            fields["opaque"] = values["opaque"]
        quoted = [f'{key}="{_escaped(value)}"' for key, value in fields.items()]
        return "Digest " + ", ".join((*quoted, *(f"{key}={value}" for key, value in bare.items())))


def challenges(lines: Iterable[str]) -> list[Challenge]:
    """Read the `WWW-Authenticate` fields of one 401.

    A field may hold several challenges, and commas divide them and their values.
    """
    found: list[tuple[str, dict[str, str]]] = []
    for item in (item for line in lines for item in parse_http_list(line)):
        name, equals, value = item.partition("=")
        begun = _SCHEME.fullmatch(item) if not equals or " " in name.strip() else None
        if begun is not None:
            found.append((begun[1], {}))
            name, equals, value = (begun[2] or "").partition("=")
        if found and equals:
            found[-1][1][name.strip().lower()] = _unquoted(value.strip())
    return [Challenge(scheme, values) for scheme, values in found]


def _unquoted(value: str) -> str:
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] == '"' else value


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')
