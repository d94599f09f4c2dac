"""The steps that run on the board: one POSIX shell script each (step/*.sh), sent over ssh with its variables.

Values reach a script as quoted assignments in front of it, never inside it, so nothing that a user wrote is
ever read as a command.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources

_READING = {"survey", "compare", "check", "health", "log"}
# A step goes on when its ssh is gone; another one, of this deployment or the next, waits for it.
_LOCK = (
    "exec 9</; flock -w 600 -E 75 9 || [ $? -ne 75 ] || "
    '{ echo "another deployment is at work on this board" >&2; exit 75; }'
)
_NAME = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Step:
    """One script for the board.

    Attributes:
        name: of its file.
        variables: what it is told.
        root: whether sudo gives it root's rights.
        private: values that are not shown to anybody.
    """

    name: str
    variables: Mapping[str, str]
    root: bool
    private: tuple[str, ...] = ()

    def text(self) -> str:
        """Return the whole program. It is read to its end before it runs, and its commands get no input."""
        lines = ["set -eu", 'export LC_ALL=C PATH="$PATH:/usr/sbin:/sbin"', *self._assignments()]
        lock = [] if self.name in _READING else [_LOCK]
        return "\n".join([*lines, "main() {", self.body(), "}", *lock, "main </dev/null", ""])

    def body(self) -> str:
        """Return the script as it stands in its file."""
        return (
            resources.files("deploy").joinpath("step", f"{self.name}.sh").read_text(encoding="utf-8").rstrip()
        )

    def shown(self) -> str:
        """Return the program for people's eyes, without private values."""
        lines = "\n".join(self._assignments())
        for value in self.private:
            lines = lines.replace(value, "…")
        return f"{lines}\n{self.body()}"

    def _assignments(self) -> list[str]:
        """Return the variables that the script mentions, quoted."""
        body = self.body()
        assert all(_NAME.fullmatch(name) for name in self.variables)
        return [
            f"{name}={shlex.quote(value)}"
            for name, value in self.variables.items()
            if re.search(rf"\$\{{?{name}\b", body)
        ]
