"""Camera addresses: which source opens which, and how an address is shown without what may be secret in it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from edge.camera.file import FileOptions
from edge.camera.folder import FolderOptions
from edge.camera.network import HIDDEN, without_login
from edge.camera.option import Options
from edge.camera.registry import KNOWN, kind_of, kind_with, split, tidy
from edge.camera.source import Session, Source
from edge.errors import CameraError

_TAIL = re.compile(r"[/?#].+", re.DOTALL)
_SHORT_QUERY = 4  # characters; a shorter one is a piece of too many words


def options_for(address: str, **keys: Any) -> Options:  # noqa: ANN401 — each key has its own type
    """Return the options of a camera whose address may also be a bare path of a video or of a folder of images.

    Args:
        address: an address, or a path; blanks around it do not count.
        keys: further options of its kind.

    Raises:
        CameraError: there is no such kind of camera.
    """
    uri = tidy(address)
    kind = kind_of(uri)
    if kind is not None:
        options: Options = kind.options(uri=uri, **keys)
        return options
    if not address.strip() or "\0" in address:
        raise CameraError(f"an empty or broken camera address; expected one of {KNOWN}")
    scheme, rest = split(address)
    try:
        path = Path(address) if Path(address).exists() else Path(address.strip())
        if scheme is None and path.is_dir():
            return FolderOptions(uri=f"folder:{path}", **keys)
        if scheme is None or path.is_file():
            return FileOptions(uri=f"file:{path}", **keys)
    except OSError as error:
        raise CameraError(f"cannot open '{redact(address)}': {error.strerror}") from error
    named = "" if "@" in rest else f" '{scheme}:'"  # what looks like a scheme may be a user
    raise CameraError(f"'{redact(address)}': unknown kind of camera{named}; expected one of {KNOWN}")


def open_source(options: Options, session: Session) -> Source:
    """Open a camera.

    Args:
        options: of any kind; their class says which.
        session: what the source and its reader share.

    Raises:
        CameraError: the address or an option is wrong, or the camera cannot be opened. Holds nothing secret.
    """
    if "\0" in options.uri:
        raise CameraError(f"a broken camera address; expected one of {KNOWN}")
    try:
        options.check()
        session.schedule.check()
    except ValueError as error:
        raise CameraError(f"'{redact(options.uri)}': {error}") from None
    try:
        return kind_with(options).open(options, session)
    except CameraError as error:
        raise CameraError(scrub(str(error), options.uri, (session.password,), ours=True)) from None
    except OSError as error:  # a path that cannot be looked at
        raise CameraError(f"cannot open '{redact(options.uri)}': {error.strerror}") from None


def redact(uri: str) -> str:
    """Return an address for people, even where it is wrong: of a URL scheme, host and port alone, a path whole."""
    scheme, rest = split(uri)
    kind = kind_of(uri)
    if (kind is not None and kind.address == "url") or (kind is None and scheme and rest.startswith("//")):
        return without_login(uri)
    if kind is not None:
        wrong = kind.address == "name" and ("@" in rest or rest.startswith("//"))
        return f"{scheme}:{HIDDEN}" if wrong else uri
    return HIDDEN if _may_be_address(uri) else uri


def scrub(text: str, uri: str, secrets: Iterable[str | None], *, ours: bool = False) -> str:
    """Remove credentials, and what of an address is not shown, from a text.

    Args:
        text: what is told of a camera.
        uri: its address.
        secrets: user and password, where they are not in the address.
        ours: the text was written here, so a word or a number that a login may equal is replaced only beside `:` or
            `@`; one that another library wrote may repeat the login anywhere.
    """
    text = text.replace(uri, redact(uri))
    known = {*secrets, *_not_shown(uri)}
    spellings = {
        spelling for secret in known if secret for spelling in (secret, quote(secret, ""), unquote(secret))
    }
    for secret in sorted(spellings, key=len, reverse=True):
        if ours and (secret.isalpha() or secret.isdecimal()):
            word = re.escape(secret)
            text = re.sub(rf"(?<!\w){word}(?=:\S|@)|(?<=:){word}(?=@)", "***", text)
        else:
            text = text.replace(secret, "***")
    return text


def _may_be_address(text: str) -> bool:
    """Say whether a text that names no kind of camera is rather an address without its scheme than a path."""
    begin = text.strip().partition("/")[0]
    return (
        (":" in begin and any(mark in text for mark in "@?/"))
        or ("@" in begin and any(mark in text for mark in ":?/"))
        or ("@" in text and "//" in text and bool(begin))
    )


def _not_shown(uri: str) -> set[str]:
    """Return the parts of an address that people do not see: login, path, query."""
    if redact(uri) == uri:
        return set()
    rest = split(uri)[1].lstrip("/")
    login, at, place = rest.rpartition("@")
    parts = {login, *login.split(":", 1)} if at else set()
    for tail in filter(None, (_TAIL.search(rest), _TAIL.search(place))):
        path, _, query = tail[0].partition("?")
        parts |= {tail[0], *(part for part in (path, query) if len(part) >= _SHORT_QUERY)}
    return parts
