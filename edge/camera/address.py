"""Camera addresses: which source opens which, and how an address is shown without its password."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from edge.camera.file import FileOptions
from edge.camera.folder import FolderOptions
from edge.camera.network import without_login
from edge.camera.option import Options
from edge.camera.registry import KNOWN, kind_of, kind_with
from edge.camera.source import Session, Source
from edge.errors import CameraError

_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*):(.*)", re.DOTALL | re.IGNORECASE)


def options_for(address: str, **keys: Any) -> Options:  # noqa: ANN401 — each key has its own type
    """Return the options of a camera whose address may also be a bare path of a video or of a folder of images.

    Args:
        address: an address, or a path.
        keys: further options of its kind.

    Raises:
        CameraError: there is no such kind of camera.
    """
    match = _SCHEME.fullmatch(address)
    uri = address if match is None else f"{match[1].lower()}:{match[2]}"
    kind = kind_of(uri)
    if kind is not None:
        options: Options = kind.options(uri=uri, **keys)
        return options
    if not address or "\0" in address:
        raise CameraError(f"an empty or broken camera address; expected one of {KNOWN}")
    path = Path(address)
    try:
        if match is None and path.is_dir():
            return FolderOptions(uri=f"folder:{address}", **keys)
        if match is None or path.is_file():
            return FileOptions(uri=f"file:{address}", **keys)
    except OSError as error:
        raise CameraError(f"cannot open '{redact(address)}': {error.strerror}") from error
    named = "" if "@" in address else f" '{match[1].lower()}:'"  # what looks like a scheme may be a user
    raise CameraError(f"'{redact(address)}': unknown kind of camera{named}; expected one of {KNOWN}")


def open_source(options: Options, session: Session) -> Source:
    """Open a camera.

    Args:
        options: of any kind; their class says which.
        session: what the source and its reader share.

    Raises:
        CameraError: the address or an option is wrong, or the camera cannot be opened. Holds no credentials.
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
        raise CameraError(scrub(str(error), options.uri, (session.password,))) from None
    except OSError as error:  # a path that cannot be looked at
        raise CameraError(f"cannot open '{redact(options.uri)}': {error.strerror}") from None


def redact(uri: str) -> str:
    """Return an address for people: without user, password, query and fragment, even where it is wrong."""
    scheme, colon, rest = uri.partition(":")
    kind = kind_of(f"{scheme.lower()}:") if colon else None
    if (
        not colon
        or (kind is not None and kind.address == "path")
        or not ("@" in rest or rest.startswith("//"))
    ):
        return uri
    if kind is None and not rest.startswith("//"):  # what looks like a scheme may be a user
        return without_login(f":{rest}").removeprefix(":")
    return without_login(uri)


def scrub(text: str, uri: str, secrets: Iterable[str | None]) -> str:
    """Remove a camera's address and credentials from a text that another library wrote."""
    text = text.replace(uri, redact(uri))
    known = set(secrets)
    if "@" in uri:
        userinfo = uri.partition("://")[2].rpartition("@")[0]
        known |= {userinfo, *userinfo.split(":", 1)}
    spellings = {
        spelling for secret in known if secret for spelling in (secret, quote(secret, ""), unquote(secret))
    }
    for secret in sorted(spellings, key=len, reverse=True):
        text = text.replace(secret, "***")
    return text
