"""The record of one kind of camera: all that the other rooms need to know of it without naming it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Literal, TypeAlias, TypeVar

from edge.alert.event import Origin
from edge.camera.option import Options
from edge.camera.source import Session, Source

_Options = TypeVar("_Options", bound=Options)
Address: TypeAlias = Literal["path", "url", "name"]


@dataclass(frozen=True, slots=True)
class Kind(Generic[_Options]):
    """One kind of camera. Its module makes the record; `edge.camera.registry` lists it.

    The module loads a camera library (av, cv2) in `open` and not before: every command imports all kinds, to
    check a configuration.

    Attributes:
        schemes: what stands before the colon of its addresses.
        written: its addresses as people write them, for messages.
        options: its keys in the configuration; a class of its own.
        open: opens one. Raises CameraError, without credentials.
        live: whether it has no end; else it is a recording, whose options are `RecordingOptions`.
        address: what stands behind the colon: a path on this machine (relative to the configuration, which takes it
            along to a board), a URL (`//host/…`, may hold a password), or a name that only the kind understands.
        made_up: whether its pictures are of nothing real.
    """

    schemes: tuple[str, ...]
    written: str
    options: type[_Options]
    open: Callable[[_Options, Session], Source]
    live: bool
    address: Address = "name"
    made_up: bool = False

    @property
    def shown(self) -> str:
        """Its schemes for people, such as `http:, https:`."""
        return ", ".join(f"{scheme}:" for scheme in self.schemes)

    @property
    def origin(self) -> Origin:
        """What its frames are."""
        if self.made_up:
            return "simulated"
        return "live" if self.live else "recording"

    @property
    def keys(self) -> frozenset[str]:
        """The keys of its options."""
        return frozenset(self.options.__struct_fields__)
