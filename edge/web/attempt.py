"""Wrong tokens: how many, and how long an address that shows them waits for its answer."""

from __future__ import annotations

import ipaddress

from edge.clock import Clock

_FIRST_S = 0.05
_LONGEST_S = 3.0
_FORGOTTEN_NS = 300_000_000_000
_ADDRESSES = 256


class WrongTokens:
    """Counts them, and slows each address: 0.05 s for its first wrong token, twice as long for each further one.

    Only the refusal waits, and 3 s at most, so that nobody can keep the right token out by showing wrong ones from
    the same address. An IPv6 network of 64 bits counts as one address. The last 256 addresses are remembered, each for
    five minutes.

    Args:
        clock: monotonic time.
    """

    def __init__(self, clock: Clock) -> None:
        self.count = 0
        self._clock = clock
        self._seen: dict[str, tuple[int, float]] = {}  # when, and the delay; the latest comes last

    def delay_s(self, address: str) -> float:
        """Count one that an address has shown; return how long its refusal waits."""
        self.count += 1
        key, now_ns = _network(address), self._clock.mono_ns()
        last_ns, last_s = self._seen.pop(key, (now_ns, _FIRST_S / 2))
        delay_s = _FIRST_S if now_ns - last_ns > _FORGOTTEN_NS else min(2 * last_s, _LONGEST_S)
        self._seen[key] = now_ns, delay_s
        if len(self._seen) > _ADDRESSES:
            del self._seen[next(iter(self._seen))]
        return delay_s


def _network(address: str) -> str:
    """Return what one visitor cannot easily change of an address."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return address
    return str(parsed.ipv4_mapped or int(parsed) >> 64)
