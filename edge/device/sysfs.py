"""Reading the kernel's small text files; one that is missing, refused or malformed is unknown: None."""

from __future__ import annotations

from pathlib import Path


def text(path: Path) -> str | None:
    """Return the content without surrounding blanks and NULs; None when it cannot be read or is empty."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip(" \t\r\n\0") or None
    except (OSError, ValueError):
        return None


def number(path: Path) -> int | None:
    """Return the decimal integer in the file; None when it cannot be read or is none."""
    try:
        return int(text(path) or "")
    except ValueError:
        return None


def folders(parent: Path, pattern: str) -> list[Path]:
    """Return the matching entries, in an order in which hwmon2 comes before hwmon10."""
    try:
        return sorted(parent.glob(pattern), key=lambda entry: (len(entry.name), entry.name))
    except OSError:
        return []
