"""The budget of bytes of one link: what a day may take, with a reserve for what matters most.

It fills evenly over the day, by monotonic time. What is less important leaves more of it untouched; text of alerts and
heartbeats always go, and what they take beyond the budget is missing for the rest.
"""

from __future__ import annotations

import msgspec

from edge.alert.route import Line

DAY_S = 86_400.0

# Of a day's bytes, what each leaves for those before it.
_TEXT, _THUMBNAIL, _CROP, _REST = 0.25, 0.35, 0.5, 0.65
_FRAMING = 1.1  # what goes over the link for a byte of a picture, at least


class Balance(msgspec.Struct, frozen=True):
    """What was left of a budget at a moment, for the next process.

    Attributes:
        boot: that the moment belongs to.
        at_ns: the moment, monotonic.
        bytes: that were left.
    """

    boot: str
    at_ns: int
    bytes: float


class Budget:
    """What may go over one link.

    Args:
        day_bytes: of a day, both ways; None: there is no bound.
        now_ns: monotonic time.
    """

    def __init__(self, day_bytes: int | None, now_ns: int) -> None:
        self._day_bytes = day_bytes
        self._left = 0.0 if day_bytes is None else float(day_bytes)
        self._at_ns = now_ns

    def resume(self, balance: Balance, boot: str, now_ns: int) -> None:
        """Go on from what an earlier process left; the time in another boot is not known, and fills nothing."""
        spent = 0.0 if self._day_bytes is None else self._day_bytes - self._left
        self._left = balance.bytes
        self._at_ns = balance.at_ns if balance.boot == boot else now_ns
        self.spend(spent, now_ns)

    def balance(self, boot: str) -> Balance:
        """Return what is left, for the next process."""
        return Balance(boot, self._at_ns, self._left)

    def spend(self, size: float, now_ns: int) -> None:
        """Take bytes out that went over the link."""
        if self._day_bytes is not None:
            filled = max(0, now_ns - self._at_ns) / 1e9 / DAY_S * self._day_bytes
            left = min(float(self._day_bytes), self._left + filled) - size
            self._left = max(-float(self._day_bytes), left)  # a day makes up for any debt
        self._at_ns = now_ns

    def admits(self, line: Line) -> bool:
        """Say whether there is room for a message."""
        if self._day_bytes is None:
            return True
        reserve = _reserve(line)
        return reserve is None or self._left - line.bytes * _FRAMING >= reserve * self._day_bytes

    @property
    def left_bytes(self) -> float | None:
        """What is left of the day; less than nothing where alerts took more; None without a bound."""
        return None if self._day_bytes is None else self._left


def is_alert_text(line: Line) -> bool:
    """Say whether a message is of those that always go: text of an alert, for the first time."""
    return line.alert and line.kind != "picture" and not line.unheard


def _reserve(line: Line) -> float | None:
    """Return what a message leaves untouched, in parts of a day; None where it always goes."""
    if is_alert_text(line):
        return None
    if line.kind != "picture":
        return _TEXT
    # a full frame goes because a person asked for it
    return {"thumbnail": _THUMBNAIL, "full": _THUMBNAIL, "crop": _CROP}.get(line.role, _REST)
