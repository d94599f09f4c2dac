"""What the configuration makes of the uplink: the rules of its outbox, and a way to each sink."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from edge.alert.route import Route, Rules
from edge.clock import Clock
from edge.errors import SettingsError
from edge.settings import Settings
from edge.uplink.budget import Budget
from edge.uplink.facts import tower_facts
from edge.uplink.registry import kind_with
from edge.uplink.sink import SinkOptions, Tower
from edge.uplink.transport import Transport
from edge.uplink.way import Way

Opener: TypeAlias = Callable[[str, SinkOptions, Tower, Clock], Transport]


def rules_of(settings: Settings, boot: str) -> Rules:
    """Return the rules of the outbox, by the configuration."""
    facts = tower_facts(settings)
    routes = tuple(
        Route(
            name=name,
            severities=sink.severities,
            maintenance=sink.maintenance,
            escalation=sink.escalation,
            origins=sink.origins,
            pictures="image" in kind_with(sink).channels,
            drills=kind_with(sink).drill,
        )
        for name, sink in settings.sinks.items()
    )
    return Rules(
        routes=routes,
        boot=boot,
        origins={name: camera.origin for name, camera in facts.cameras.items()},
        acknowledge_s=settings.uplink.acknowledge_s,
        queue_bytes=settings.uplink.queue_bytes,
    )


def examine_sinks(settings: Settings, clock: Clock) -> None:
    """See to what sinks ask of this machine.

    Raises:
        SettingsError: a secret or a file of one is unfit; starts with the key.
    """
    for way in ways_of(settings, clock):
        way.transport.close()


def reach(settings: Settings, sink: str, clock: Clock) -> str:
    """See whether a sink's receiver lets this tower in; return what else to tell people.

    It may take a minute. A daemon that runs is not disturbed, and nobody gets anything.

    Raises:
        EdgeError: it does not.
    """
    options = settings.sinks[sink]
    return kind_with(options).reach(options, _tower(settings), clock)


def _tower(settings: Settings) -> Tower:
    return Tower(settings.tower.id or "", settings.uplink.heartbeat_s)


def open_sink(_name: str, options: SinkOptions, tower: Tower, clock: Clock) -> Transport:
    """Make the transport of a sink by its kind.

    Raises:
        SettingsError: a secret or a file of it is unfit; starts with the key of the sink's table.
    """
    return kind_with(options).open(options, tower, clock)


def ways_of(settings: Settings, clock: Clock, opener: Opener = open_sink) -> list[Way]:
    """Make the transport of each sink, which has no link yet.

    Args:
        settings: with the sinks.
        clock: the machine's.
        opener: makes a transport, by a sink's name and options.

    Raises:
        SettingsError: a secret or a file of it is unfit; starts with the key.
    """
    tower = _tower(settings)
    ways = []
    for name, sink in settings.sinks.items():
        kind = kind_with(sink)
        try:
            transport = opener(name, sink, tower, clock)
        except SettingsError as error:
            raise SettingsError(f"sinks.{name}.{error}") from error
        budget = Budget(settings.uplink.day_bytes, clock.mono_ns())
        ways.append(Way(name, transport, kind.channels - sink.unwanted, budget))
    return ways
