"""A control group of ours around a container, of v1 or v2: it can still be read when the container has ended."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_ROOT = Path("/sys/fs/cgroup")


@dataclass(frozen=True, slots=True)
class Cgroup:
    """The group: by its name below the root of each hierarchy."""

    name: str

    def peak_bytes(self) -> int | None:
        """Return the largest charge; None where the kernel does not say."""
        return _number(self._folder / "memory.peak", self._folder / "memory.max_usage_in_bytes")

    def anonymous_bytes(self) -> int | None:
        """Return the memory that no file stands behind, now."""
        try:
            lines = (self._folder / "memory.stat").read_text().splitlines()
        except OSError:
            return None
        fields = dict(line.split() for line in lines)
        return int(fields.get("total_rss") or fields["anon"])

    @property
    def _folder(self) -> Path:
        first = _ROOT / "memory"
        return (first if first.is_dir() else _ROOT) / self.name


def _number(*files: Path) -> int | None:
    return next((int(file.read_text()) for file in files if file.exists()), None)


@contextlib.contextmanager
def named(name: str) -> Iterator[Cgroup]:
    """Let Docker make the group; remove what is left of it in every hierarchy."""
    try:
        yield Cgroup(name)
    finally:
        for folder in (_ROOT / name, *_ROOT.glob(f"*/{name}")):
            with contextlib.suppress(OSError):
                folder.rmdir()
