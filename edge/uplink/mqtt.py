"""Sinks at an MQTT 5 broker: what a configuration may say of them. `edge.uplink.broker` is the way to one."""

from __future__ import annotations

import select
import ssl
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal
from urllib.parse import unquote, urlsplit

from msgspec import Meta

from edge.clock import Clock
from edge.errors import LinkError, SettingsError
from edge.http import trust
from edge.secret import read_private, read_secret
from edge.uplink.dial import Place, told
from edge.uplink.sink import Kind, SinkOptions, Tower
from edge.uplink.transport import Channel, Transport

if TYPE_CHECKING:
    from edge.uplink.broker import Broker

REACH_S = 30.0  # for a trial
REACH_LOOK_S = 0.5
_PORTS = {"mqtts": 8883, "mqtt": 1883}
_KEY_BYTES = 1 << 16


class MqttOptions(SinkOptions, frozen=True, kw_only=True):
    """A sink at a broker.

    Attributes:
        user, password_file: for the broker; the file must not be readable by others.
        ca_file: certificates to trust, instead of the system's.
        certificate_file, key_file: that show the broker who this is; the key must not be readable by others.
        keepalive_s: without a word, after which it is asked whether the broker is there.
        heard_topics: where a listener is enough: an event counts as heard where one of these is.
        home_assistant: whether Home Assistant is told what this tower has.
    """

    user: Annotated[str, Meta(min_length=1, max_length=256)] | None = None
    password_file: Path | None = None
    ca_file: Path | None = None
    certificate_file: Path | None = None
    key_file: Path | None = None
    keepalive_s: Annotated[int, Meta(ge=10, le=3600)] = 120
    heard_topics: tuple[Literal["smoke", "image", "health"], ...] = ()
    home_assistant: bool = False

    @property
    def unwanted(self) -> frozenset[Channel]:
        """Home Assistant's, where that is not told."""
        return frozenset() if self.home_assistant else frozenset({"discovery"})

    @property
    def only(self) -> str:
        """The broker, where a tower has one session, under its id."""
        host, port = _host_and_port(self.url)
        return f"{host.rstrip('.')} {port}"

    @property
    def secured(self) -> bool:
        """Whether there is to be TLS."""
        return self.url.startswith("mqtts:")

    def check(self) -> None:
        """See to what no type can say."""
        super().check()
        _host_and_port(self.url)
        if self.password_file is not None and self.user is None:
            raise ValueError("user: missing; password_file needs it")
        if (self.certificate_file is None) != (self.key_file is None):
            missing = "certificate_file" if self.certificate_file is None else "key_file"
            raise ValueError(f"{missing}: missing; give both certificate_file and key_file, or neither")
        for key in ("ca_file", "certificate_file"):
            if getattr(self, key) is not None and not self.secured:
                raise ValueError(f"{key}: is for TLS, and there is none with mqtt://; write mqtts:// in url")


def place_of(options: MqttOptions) -> Place:
    """Return where a broker is.

    Raises:
        ValueError: its URL holds more than a host and a port, or none; starts with the key.
    """
    host, port = _host_and_port(options.url)
    return Place(host, port, (lambda: _tls(options)) if options.secured else None)


def _host_and_port(url: str) -> tuple[str, int]:
    expected = (
        "url: expected a host, and a port where it is not the usual one, such as mqtts://broker.example:8883"
    )
    try:
        parts = urlsplit(url)
        host, port = unquote(parts.hostname or ""), parts.port
    except ValueError:
        raise ValueError(expected) from None
    if not host or parts.path not in {"", "/"} or parts.query or parts.fragment or port == 0:
        raise ValueError(expected)
    return host, port or _PORTS[parts.scheme]


def _tls(options: MqttOptions) -> ssl.SSLContext:
    """Return what TLS is made with; the files are read anew for each connection, so a renewed certificate is used.

    Raises:
        OSError: there are no certificates to trust, or a file cannot be used.
    """
    made = trust.context(options.ca_file)
    if options.certificate_file is not None:
        made.load_cert_chain(
            options.certificate_file, options.key_file, lambda: ""
        )  # else OpenSSL asks a terminal
    return made


def _open(options: MqttOptions, tower: Tower, _clock: Clock) -> Transport:
    return _broker(options, tower, trial=False)


def _reach(options: MqttOptions, tower: Tower, clock: Clock) -> str:
    broker = _broker(options, tower, trial=True)
    until_ns = clock.mono_ns() + round(REACH_S * 1e9)
    try:
        while not broker.link().up:
            now_ns = clock.mono_ns()
            broker.step(now_ns)
            if broker.failed or now_ns > until_ns:
                raise LinkError(broker.link().why)
            number = broker.fileno()
            wait_s = min(REACH_LOOK_S, max(0.0, (broker.wake_ns(now_ns) - now_ns) / 1e9))
            select.select([] if number is None else [number], [], [], wait_s)
    finally:
        broker.close()
    return ""


def _broker(options: MqttOptions, tower: Tower, *, trial: bool) -> Broker:
    """Return the way to a broker, after a look at what it needs.

    Raises:
        SettingsError: a secret or a file is unfit; starts with the key.
    """
    from edge.uplink.broker import Broker  # noqa: PLC0415 — paho

    password = None
    if options.password_file is not None:
        password = read_secret(options.password_file, "password_file")
    if options.key_file is not None:
        read_private(options.key_file, "key_file", _KEY_BYTES)
    if options.secured:
        try:
            _tls(options)
        except ssl.SSLError as error:
            raise SettingsError(
                f"certificate_file: no certificate and key in PEM without a password ({told(error)})"
            ) from None
        except OSError as error:
            raise SettingsError(f"ca_file: {told(error)}") from None
    return Broker(options, tower, password, trial=trial)


MQTT = Kind(
    schemes=("mqtts", "mqtt"),
    written="mqtts://HOST[:PORT], mqtt://HOST[:PORT]",
    options=MqttOptions,
    channels=frozenset({"event", "image", "smoke", "health", "answer", "discovery"}),
    open=_open,
    reach=_reach,
    drill=True,
)
