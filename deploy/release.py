"""What a board shall run: a set of wheels, a configuration and a unit, each named after its content."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from deploy.configuration import ConfigFile, Configuration, health_url
from deploy.layout import SERVICE, Layout
from deploy.wheel import Wheel

JOURNALD = "journald.conf"


@dataclass(frozen=True)
class Release:
    """One release for one board.

    Attributes:
        layout: where it goes.
        python: the board's interpreter.
        python_minor: its version, such as "3.11".
        wheels: firetower's own, those it requires, and pip's.
        configuration: checked.
        made: folder on the host that holds the unit and the log's limits under their names.
    """

    layout: Layout
    python: str
    python_minor: str
    wheels: tuple[Wheel, ...]
    configuration: Configuration
    made: Path

    @cached_property
    def base(self) -> str:
        """Name of the environment of what is required: the wheels, the interpreter, the folder it cannot leave."""
        rows = (f"{each.sha256} {each.name}" for each in self.wheels if not each.own)
        return _digest(self.python, self.python_minor, str(self.layout.opt), *rows)

    @cached_property
    def venv(self) -> str:
        """Name of the environment of firetower, on top of that."""
        return _digest(self.base, *(each.sha256 for each in self.wheels if each.own))

    @cached_property
    def config(self) -> str:
        """Name of the configuration's folder."""
        return self.configuration.digest()

    @cached_property
    def digest(self) -> str:
        """Name of the release."""
        return _digest(self.venv, self.config, self._sum(SERVICE))

    def files(self) -> dict[str, Path]:
        """Return everything that the board needs, by the name under which it arrives."""
        made = {name: self.made / name for name in (SERVICE, JOURNALD)}
        config = {file.name: file.path for file in self.configuration.files}
        return {**{wheel.name: wheel.path for wheel in self.wheels}, **config, **made}

    def variables(self) -> Mapping[str, str]:
        """Return what the scripts are told."""
        folder = self.layout.opt / "current/config"
        token = self.configuration.settings.web.token_file
        return {
            **self.layout.variables(),
            "python": self.python,
            "python_minor": self.python_minor,
            "base": self.base,
            "release": self.digest,
            "venv": self.venv,
            "config": self.config,
            "wheels": "\n".join(f"{wheel.sha256} {wheel.name}" for wheel in self.wheels),
            "files": "\n".join(self._row(file) for file in self.configuration.files),
            "unit_sum": self._sum(SERVICE),
            "journald_sum": self._sum(JOURNALD),
            "store": str(self.configuration.store or self.layout.var / "events.sqlite"),
            "url": health_url(self.configuration.settings) or "",
            "token_file": "" if token is None else str(folder / "web.token_file"),
        }

    def private(self) -> tuple[str, ...]:
        """Return the values that are shown to nobody: a digest of a weak password gives it away."""
        return tuple(file.sha256 for file in self.configuration.files)

    def _row(self, file: ConfigFile) -> str:
        whose = f"{self.layout.user if file.secret else self.layout.owner}:{self.layout.group}"
        return f"{file.sha256} {file.mode:04o} {whose} {file.name}"

    def _sum(self, name: str) -> str:
        return hashlib.sha256((self.made / name).read_bytes()).hexdigest()


def _digest(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
