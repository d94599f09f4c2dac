"""Sinks behind `https:`: each parcel is a request of its own after Standard Webhooks, a picture too.

A thread carries the parcel in hand, over the HTTP client that cameras use; `step` gives it the time and takes what came
of it. Commands do not come this way, and nothing is said that nobody could miss: heartbeats are MQTT's.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from edge.camera.errand import Errands
from edge.clock import Clock, wall_synchronised
from edge.errors import HttpError, SettingsError, SilenceError
from edge.text import plain
from edge.uplink.signature import read_keys, signed
from edge.uplink.sink import Kind, SinkOptions, Tower
from edge.uplink.transport import Link, Outcome, Parcel
from edge.uplink.verdict import advice_of, is_alone, retry_s, unix_s, word_of

if TYPE_CHECKING:
    from edge.http.client import Answer

logger = logging.getLogger(__name__)

LARGEST_BYTES = 20_479  # below 20 kB, which the standard recommends
PROGRESS_S = 30.0
WHOLE_S = 180.0  # for all of a request; receivers take a signature for five minutes
_NS_PER_S = 1_000_000_000
_TICK_NS = _NS_PER_S  # how often the thread's time goes on
_IDLE_NS = 3600 * _NS_PER_S
_WORDS = 100  # of what a stranger calls his status
_OFF_S = 60.0  # by which two clocks may differ and nobody needs to know
_DOUBTED = (400, 401, 403)  # what receivers answer to a moment that is not theirs
_PRINTABLE = "!#$&'()*+,/:;<=>?@[\\]^`{|}~"  # besides letters, digits and -._~


class WebhookOptions(SinkOptions, frozen=True, kw_only=True):
    """A sink behind `https:`.

    Attributes:
        secret_file: holds the secret that its receiver knows, or two while it changes; must not be readable by others.
        ca_file: certificates to trust, instead of the system's.
    """

    secret_file: Path
    ca_file: Path | None = None

    def check(self) -> None:
        """See to the address, too."""
        super().check()
        try:
            parts = urlsplit(self.url)
            named = (parts.hostname or "").encode("idna") and parts.port != 0
        except ValueError:
            named = False
        if not named:
            raise ValueError("url: not an address of the form https://host:port/path")


class _Time:
    """Monotonic time as `step` was told it last, the machine's wall time; what waits, waits in fact."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._mono_ns = 0

    def set(self, now_ns: int) -> None:
        self._mono_ns = now_ns

    def mono_ns(self) -> int:
        return self._mono_ns

    def wall_ns(self) -> int:
        return self._clock.wall_ns()

    def wait(self, signal: threading.Event, timeout_s: float) -> bool:
        return signal.wait(max(0.0, timeout_s))


class Webhook:
    """The way to one receiver of webhooks. There is no link between two parcels.

    Args:
        options: of the sink.
        keys: that sign.
        clock: of the machine, for the moment of a signature.
        trusted: whether that clock is synchronised; None: nobody knows.
        whole_s: how long a request may take, from the look-up of its host to its answer.

    Raises:
        HttpError: there are no certificates to trust.
    """

    def __init__(
        self,
        options: WebhookOptions,
        keys: tuple[bytes, ...],
        clock: Clock,
        trusted: Callable[[], bool | None] = wall_synchronised,
        whole_s: float = WHOLE_S,
    ) -> None:
        from edge.http.client import Client  # noqa: PLC0415 — urllib3

        self._keys = keys
        self._trusted = trusted
        self._whole_s = whole_s
        self._time = _Time(clock)
        self._errands = Errands()
        self._client = Client(
            options.url,
            self._time,
            limit_s=PROGRESS_S,
            look_up=self._look_up,
            ca_file=options.ca_file,
            beat=self._beat,
        )
        self._client.trust()
        self._lock = threading.Lock()
        self._bell: int | None = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._busy, self._until_ns = False, 0
        self._outcome: Outcome | None = None
        self._not_before_ns = 0
        self._why = self._notice = ""  # why nothing can go; what went wrong last
        self._theirs_ns: int | None = None  # the receiver's wall time where `_time` is 0

    def step(self, now_ns: int) -> tuple[Outcome, ...]:
        """Take what became of the parcel in hand."""
        self._time.set(now_ns)
        with self._lock:
            outcome, self._outcome = self._outcome, None
            if outcome is None or self._bell is None:
                return ()
            os.eventfd_read(self._bell)
            self._busy = False
        self._notice = "" if outcome.word == "delivered" else outcome.why
        if outcome.word == "gone":
            self._why = outcome.why
        elif outcome.retry_s:
            self._not_before_ns = now_ns + round(outcome.retry_s * _NS_PER_S)
        return (outcome,)

    def wake_ns(self, now_ns: int) -> int:
        """Return when the time of the parcel in hand goes on, or the receiver wants to hear again."""
        if self._busy:
            return now_ns + _TICK_NS
        return self._not_before_ns if self._not_before_ns > now_ns else now_ns + _IDLE_NS

    def fileno(self) -> int | None:
        """Return what tells that something became of the parcel in hand."""
        return self._bell

    def send(self, parcel: Parcel, now_ns: int) -> bool:
        """Take a parcel, also where the last one did not arrive: else nobody knows whether the next one does."""
        self._time.set(now_ns)
        if self._busy or not self.link().up:
            return False
        self._busy, self._until_ns = True, now_ns + round(self._whole_s * _NS_PER_S)
        if len(parcel.body) > LARGEST_BYTES:
            why = f"it has {len(parcel.body)} bytes, and a webhook's body has {LARGEST_BYTES} at most"
            self._settle(Outcome(parcel.key, "refused", why))
        else:
            threading.Thread(target=self._carry, args=(parcel,), name="webhook", daemon=True).start()
        return True

    def link(self) -> Link:
        """Say whether the receiver may be asked; what went wrong last is a notice."""
        waits = self._time.mono_ns() < self._not_before_ns
        why = self._why or (self._notice if waits else "")
        notice = "" if why else self._notice
        traffic = self._client.traffic
        return Link(not why, why, LARGEST_BYTES, traffic.sent_bytes, traffic.received_bytes, notice)

    def close(self, farewell: Parcel | None = None) -> None:  # noqa: ARG002 — no request is over at once
        """Let go; what is in hand ends within a moment, without an outcome."""
        with self._lock:
            bell, self._bell = self._bell, None
            self._why = self._why or "it is closed"
        if bell is not None:
            os.close(bell)

    def reach(self, now_ns: int) -> str:
        """Ask the receiver whether it is there, without sending it anything; return what it said.

        Raises:
            HttpError: it is not.
        """
        self._time.set(now_ns)
        self._until_ns = now_ns + round(self._whole_s * _NS_PER_S)
        answer = self._client.send("HEAD", {}, b"")
        answer.close()
        return (
            f"it answers ({plain(answer.shown)[:_WORDS]}); whether it takes events shows with the first one"
        )

    def _settle(self, outcome: Outcome) -> None:
        with self._lock:
            if self._bell is not None:
                self._outcome = outcome
                os.eventfd_write(self._bell, 1)

    def _beat(self) -> None:
        """End what takes too long.

        Raises:
            HttpError: it does, or nobody waits for it.
        """
        if self._bell is None:
            raise HttpError("it is closed")
        if self._time.mono_ns() > self._until_ns:
            raise SilenceError(f"it was not done within {self._whole_s:g} s")

    def _look_up(self, host: str) -> list[tuple[Any, ...]]:
        try:
            return self._errands.run(
                "look-up",
                lambda: socket.getaddrinfo(host, None, type=socket.SOCK_STREAM),
                PROGRESS_S,
                self._time,
                self._beat,
            )
        except HttpError:
            raise
        except TimeoutError:
            why = f"its name got no answer for {PROGRESS_S:g} s; see to the name servers"
        except (OSError, UnicodeError) as error:
            why = f"its name has no address: {getattr(error, 'strerror', None) or 'it is no name'}"
        raise HttpError(why)

    def _carry(self, parcel: Parcel) -> None:
        """Send a parcel and settle what became of it; runs in a thread."""
        before = self._bytes()
        try:
            outcome = self._sent(parcel)
        except HttpError as error:
            outcome = Outcome(parcel.key, "failed", str(error))
        except Exception as error:
            logger.exception("a webhook could not be sent")
            outcome = Outcome(parcel.key, "failed", f"it could not be sent: {type(error).__name__}")
        self._settle(replace(outcome, bytes=self._bytes() - before))

    def _sent(self, parcel: Parcel) -> Outcome:
        own_s, theirs_s = self._time.wall_ns() / _NS_PER_S, self._theirs_s()
        fields = {"Content-Type": parcel.content_type, **_attributes(parcel)}
        moment_s = own_s if theirs_s is None else theirs_s
        fields |= signed(self._keys, parcel.key, int(moment_s), parcel.body)
        answer = self._client.send("POST", fields, parcel.body)
        answer.close()  # its body would only cost the link
        word = word_of(answer.status, answer.headers)
        if word == "delivered":
            return Outcome(parcel.key, word)
        why = plain(answer.shown)[:_WORDS] + advice_of(answer.status)
        again_s = retry_s(answer.headers, own_s)
        off_s = self._ahead_s(answer)
        if abs(off_s) > _OFF_S:
            why += f"; the tower's clock is {abs(off_s):.0f} s {'behind' if off_s > 0 else 'ahead of'} the receiver's"
            if answer.status in _DOUBTED and self._trusted() is False:
                again_s = self._change_time(answer, to_theirs=theirs_s is None)
        if word != "failed":
            return Outcome(parcel.key, word, why)
        return Outcome(parcel.key, word, why, again_s, alone=is_alone(answer.status, answer.headers))

    def _ahead_s(self, answer: Answer) -> float:
        """Return the seconds by which the receiver's clock is ahead of the tower's; 0 where it does not say."""
        said_s = unix_s(answer.headers.get("Date", ""))
        return 0.0 if said_s is None else said_s - self._time.wall_ns() / _NS_PER_S

    def _change_time(self, answer: Answer, *, to_theirs: bool) -> float | None:
        """Sign for the receiver's time from now on, or for the tower's where that was no better; return when."""
        said_s = unix_s(answer.headers.get("Date", "")) if to_theirs else None
        self._theirs_ns = None if said_s is None else round(said_s * _NS_PER_S) - self._time.mono_ns()
        return 0.0 if to_theirs else None

    def _theirs_s(self) -> float | None:
        """Return the receiver's time where a signature is for that, and the tower has none that is trusted."""
        if self._theirs_ns is None or self._trusted() is not False:
            return None
        return (self._theirs_ns + self._time.mono_ns()) / _NS_PER_S

    def _bytes(self) -> int:
        return self._client.traffic.sent_bytes + self._client.traffic.received_bytes


def _attributes(parcel: Parcel) -> dict[str, str]:
    """Return what stands beside the body, as fields.

    Source: CloudEvents 1.0.2, HTTP protocol binding, 3.1.3 (binary mode).
    """
    known = {"id": parcel.key, **parcel.attributes}
    if parcel.camera is not None:
        known.setdefault("camera", parcel.camera)
    return {f"ce-{name}": quote(value, _PRINTABLE) for name, value in known.items()}


def _reach(options: WebhookOptions, tower: Tower, clock: Clock) -> str:
    hook = _open(options, tower, clock)
    try:
        return hook.reach(clock.mono_ns())
    finally:
        hook.close()


def _open(options: WebhookOptions, _tower: Tower, clock: Clock) -> Webhook:
    keys = read_keys(options.secret_file, "secret_file")
    try:
        return Webhook(options, keys, clock)
    except HttpError as error:
        raise SettingsError(f"ca_file: {error}") from None


WEBHOOK = Kind(
    schemes=("https",),
    written="https://HOST[:PORT]/PATH",
    options=WebhookOptions,
    channels=frozenset({"event", "image"}),
    open=_open,
    reach=_reach,
    drill=True,
)
