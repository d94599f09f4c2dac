"""The section `[governor]` of the configuration."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import msgspec
from msgspec import Meta

from edge.governor.band import NOMINAL_V, Band, Chemistry, built_in, check_bands

_Port: TypeAlias = Annotated[str, Meta(pattern=r"^/dev/[A-Za-z0-9_/:+-][A-Za-z0-9_./:+-]*\Z", max_length=200)]
_Absolute: TypeAlias = Annotated[str, Meta(pattern=r"^/[^\x00]+\Z", max_length=400)]
_Word: TypeAlias = Annotated[str, Meta(pattern=r"^[^\x00]*\Z", max_length=1000)]


class Governor(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the governor reads and decides by. Paths are the tower's own, and need not exist yet.

    Attributes:
        ve_direct: serial port of a charge controller or a battery monitor.
        file: that states readings, in lines such as `voltage_v = 12.4`.
        command: program and arguments that say the same on their standard output.
        battery_v: nominal voltage of the battery.
        chemistry: of the battery; chooses the built-in table's voltages.
        bands: the table, from the mildest to the harshest; the built-in one if absent.
    """

    ve_direct: _Port | None = None
    file: _Absolute | None = None
    command: Annotated[tuple[_Word, ...], Meta(max_length=16)] = ()
    battery_v: Annotated[float, Meta(ge=3, le=60)] = NOMINAL_V
    chemistry: Chemistry = "lead-acid"
    bands: Annotated[tuple[Band, ...], Meta(min_length=1, max_length=32)] | None = None

    @property
    def table(self) -> tuple[Band, ...]:
        """The rows that are in use."""
        return built_in(self.battery_v, self.chemistry) if self.bands is None else self.bands

    def check(self) -> None:
        """See that it can be used.

        Raises:
            ValueError: what is wrong, beginning with the key.
        """
        if self.command and not self.command[0].startswith("/"):
            raise ValueError(f"command: expected the whole path of a program, got {self.command[0]!r}")
        if self.ve_direct is not None and ".." in self.ve_direct.split("/"):
            raise ValueError("ve_direct: expected a port such as /dev/ttyUSB0, without '..'")
        try:
            check_bands(self.bands or ())
        except ValueError as error:
            raise ValueError(f"bands{error}") from None
