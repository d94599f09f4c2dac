"""What drives a transport as the courier does, on a clock that a test moves on."""

import select
import time
from collections.abc import Callable

from edge.uplink.transport import Command, Outcome, Parcel, Transport

HANG_S = 300.0  # ends a hang; a busy machine is slow, not wrong


def parcel(key: str = "ab12.1", body: bytes = b'{"schema": "x"}', **changes: object) -> Parcel:
    """An event, unless told otherwise."""
    fields = {"channel": "event", "content_type": "application/json", "camera": "north"}
    return Parcel(key=key, body=body, **(fields | changes))


class Road:
    """A transport in use. Its clock starts anywhere, goes on as time does, and jumps as the test says.

    Attributes:
        outcomes, commands: what came of it so far.
        steps: how often it was driven.
    """

    def __init__(self, transport: Transport, start_ns: int = 0) -> None:
        self.transport = transport
        self.outcomes: list[Outcome] = []
        self.commands: list[Command] = []
        self.steps = 0
        self._offset_ns = start_ns - time.monotonic_ns()

    @property
    def now_ns(self) -> int:
        return time.monotonic_ns() + self._offset_ns

    def pass_time(self, seconds: float) -> None:
        self._offset_ns += round(seconds * 1e9)

    def step(self, wait_s: float = 0.02) -> None:
        """Wait for what `fileno` tells, a little, and drive it once."""
        number = self.transport.fileno()
        if number is None:
            time.sleep(wait_s)
        else:
            select.select([number], [], [], wait_s)
        for found in self.transport.step(self.now_ns):
            (self.commands if isinstance(found, Command) else self.outcomes).append(found)
        self.steps += 1

    def until(self, condition: Callable[[], object]) -> None:
        end_s = time.monotonic() + HANG_S
        while not condition():
            assert time.monotonic() < end_s, self.transport.link()
            self.step()

    def connect(self) -> None:
        """Wait for the link; what it waits for between two tries is passed over."""
        end_s = time.monotonic() + HANG_S
        while not self.transport.link().up:
            assert time.monotonic() < end_s, self.transport.link()
            self.step()
            if self.transport.wake_ns(self.now_ns) - self.now_ns > 5e9:  # only where it waits to try again
                self.pass_time(300)

    def take(self, key: str) -> Outcome:
        """Wait for the next outcome of a parcel."""
        before = len(self.outcomes)
        self.until(lambda: any(one.key == key for one in self.outcomes[before:]))
        return next(one for one in self.outcomes[before:] if one.key == key)

    def carry(self, parcel: Parcel) -> Outcome:
        """Hand a parcel over and wait for its outcome."""
        assert self.transport.send(parcel, self.now_ns), self.transport.link()
        return self.take(parcel.key)
