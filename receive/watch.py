"""`firetower watch`: hears towers, keeps each message once, and says when a tower is silent."""

from __future__ import annotations

import argparse
import json
import logging
import re
import shlex
import shutil
import signal
import socket
import threading
from pathlib import Path
from types import FrameType

from edge.clock import SystemClock
from edge.errors import SettingsError
from edge.log import configure
from receive.broker import add_arguments, broker_of
from receive.inbox import TOWER, Inbox
from receive.listener import Listener, Options
from receive.program import Program

logger = logging.getLogger(__name__)

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,23}\Z")
_HELP = """\
Hear towers over an MQTT broker, until Ctrl-C. Each message is kept once in the folder, as
<tower>/<key>.json, each picture as <tower>/<key>.jpg; a line of JSON on stdout tells of each new one. The broker
keeps what comes while nobody watches, for 7 days under one --name.

A tower whose heartbeat is overdue is told as a message of its own, and so is its return. It is our own clock that
counts; while the broker is away nobody is called silent, and that is told instead.

  firetower watch --broker mqtts://broker.example --user hq --password-file hq.password --folder inbox \\
      --exec 'notify.sh --urgent'

The program gets the message as JSON on stdin, and FIRETOWER_TEXT (one line for people), FIRETOWER_TOWER,
FIRETOWER_KEY and FIRETOWER_FILE; FIRETOWER_DRILL is 1 in a drill, and else empty. It is run once for each message (not
for pictures). If it fails, it is tried again: 8 times within 21 minutes.
"""


def command(argv: list[str]) -> int:
    """Run `firetower watch`; return 0 when it ended as asked, 2 for wrong usage.

    Raises:
        SettingsError: an option is wrong.
        FolderError: the folder cannot be used.
    """
    parser = _parser()
    try:
        options = parser.parse_args(argv)
    except SystemExit as ended:  # argparse has said what was wrong
        return int(ended.code or 0)
    configure(logging.INFO, "%(asctime)s %(levelname)s %(name)s: %(message)s")
    broker, listener_options = broker_of(options), _checked(options)
    words = _words(options.exec)
    clock = SystemClock()
    inbox = Inbox(options.folder.absolute())
    program = Program(words, inbox, clock) if words else None
    listener = Listener(broker, listener_options, inbox, program, clock, _tell)
    stop = threading.Event()

    def end(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    if program is not None:
        program.start()
    try:
        listener.run(stop)
    finally:
        if program is not None:
            program.close()
        inbox.close()
    _tell({**listener.counts})
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="firetower watch", description=_HELP, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--folder", type=Path, default=Path("firetower-inbox"), help="of messages (default: %(default)s)"
    )
    parser.add_argument(
        "--tower",
        action="append",
        default=[],
        metavar="ID",
        help="to hear, also expected when it never spoke; several times for several (default: all that speak)",
    )
    parser.add_argument(
        "--name",
        default=re.sub(r"[^a-z0-9-]", "-", socket.gethostname().lower())[:24].strip("-") or "watch",
        help="of this watch, which no other at the broker has (default: %(default)s)",
    )
    parser.add_argument("--exec", metavar="PROGRAM", help="is run for each message; arguments as in a shell")
    parser.add_argument(
        "--heartbeat-s", type=float, default=300.0, metavar="S", help="between two of our own (default: 300)"
    )
    parser.add_argument(
        "--grace-s",
        type=float,
        default=60.0,
        metavar="S",
        help="after a heartbeat was due, until a tower is called silent (default: 60)",
    )
    add_arguments(parser)
    return parser


def _checked(options: argparse.Namespace) -> Options:
    if not _NAME.match(options.name):
        raise SettingsError(f"--name: expected at most 24 of a-z, 0-9 and '-', got {options.name!r}")
    for tower in options.tower:
        if not TOWER.match(tower):
            raise SettingsError(f"--tower: no tower has the id {tower!r}")
    for key, value, least in (("heartbeat", options.heartbeat_s, 1), ("grace", options.grace_s, 0)):
        if not least <= value <= 86_400:
            raise SettingsError(f"--{key}-s: expected {least} to 86400, got {value}")
    return Options(options.name, tuple(options.tower), options.heartbeat_s, options.grace_s)


def _words(text: str | None) -> list[str]:
    if text is None:
        return []
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise SettingsError(f"--exec: {error}") from None
    if not words or shutil.which(words[0]) is None:
        raise SettingsError(f"--exec: there is no program {words[0] if words else ''!r} that can be run")
    return words


def _tell(record: dict[str, object]) -> None:
    print(json.dumps(record), flush=True)
