"""The record of one kind of sink: all that the other rooms need to know of it without naming it.

Its module makes the record; `edge.uplink.registry` lists it. The module loads its library in `open` and not before.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Generic, TypeVar

import msgspec
from msgspec import Meta

from edge.alert.event import Origin, Severity
from edge.clock import Clock
from edge.uplink.transport import Channel, Transport


class SinkOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What every sink has: `[sinks.NAME]`. The class of a kind inherits from it; `edge.settings` knows its keys.

    Attributes:
        url: where it is; its scheme says of which kind.
        severities: of events that it gets.
        maintenance: whether it gets messages about the tower itself.
        escalation: it gets nothing at first; the lowest step not yet used gets an alert that nobody acknowledged.
        origins: of frames whose events it gets.
    """

    url: Annotated[str, Meta(min_length=1)]
    severities: tuple[Severity, ...] = ("alert", "candidate")
    maintenance: bool = True
    escalation: Annotated[int, Meta(ge=1, le=9)] | None = None
    origins: tuple[Origin, ...] = ("live",)

    @property
    def unwanted(self) -> frozenset[Channel]:
        """Channels of its kind that it does not get."""
        return frozenset()

    @property
    def only(self) -> str | None:
        """What a single sink of a tower can have, such as its session at a broker; None: it is in nobody's way."""
        return None

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.url.partition(':')[0]}:…)"  # the rest may hold a secret

    def check(self) -> None:
        """See to what no type can say.

        Raises:
            ValueError: what is wrong; starts with the key, and holds nothing of the URL.
        """
        place = self.url.partition("://")[2].partition("/")[0].partition("?")[0]
        if not place or place.startswith(":") or not self.url.isprintable() or " " in self.url:
            raise ValueError("url: expected a host behind '://', and no blanks")
        if "@" in place:
            raise ValueError(
                "url: expected no user or password in it; secrets have keys and files of their own"
            )
        if not self.severities and not self.maintenance:
            raise ValueError("severities: none, and maintenance is false: nothing would go there")
        if self.severities and not self.origins:
            raise ValueError("origins: none: no event would go there; without events, empty severities")
        if self.escalation is not None and "alert" not in self.severities:
            raise ValueError("escalation: a sink without alerts cannot be a step; add 'alert' to severities")


@dataclass(frozen=True, slots=True)
class Tower:
    """Who sends.

    Attributes:
        id: of this tower, for topics and receivers.
        heartbeat_s: between two heartbeats.
    """

    id: str
    heartbeat_s: float


_Options = TypeVar("_Options", bound=SinkOptions)


@dataclass(frozen=True, slots=True)
class Kind(Generic[_Options]):
    """One kind of sink.

    Attributes:
        schemes: what stands before the colon of its addresses.
        written: its addresses as people write them, for messages.
        options: its keys in the configuration; a class of its own.
        channels: what it carries; parcels of other channels are not made for it.
        open: makes its transport, which has no link yet. Raises SettingsError: a secret or a file is unfit.
        reach: sees whether the receiver lets this tower in, and sends nothing that anybody gets; returns what else to
            tell people. Raises EdgeError: it does not.
        drill: whether its messages have a field that says that one is of a drill; without one it gets none.
    """

    schemes: tuple[str, ...]
    written: str
    options: type[_Options]
    channels: frozenset[Channel]
    open: Callable[[_Options, Tower, Clock], Transport]
    reach: Callable[[_Options, Tower, Clock], str]
    drill: bool = False

    @property
    def shown(self) -> str:
        """Its schemes for people, such as `mqtts://, mqtt://`."""
        return ", ".join(f"{scheme}://" for scheme in self.schemes)

    @property
    def keys(self) -> frozenset[str]:
        """The keys of its options."""
        return frozenset(self.options.__struct_fields__)
