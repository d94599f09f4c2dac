"""The command `firetower`: its own subcommands, and those that other packages bring through an entry point.

People read stderr; the last line of stdout is JSON where a program may want it. Exit codes: 0 good, 1 a check failed,
2 usage or configuration.
"""

from __future__ import annotations

import argparse
import atexit
import io
import logging
import os
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib.metadata import EntryPoint, entry_points

from edge import __version__
from edge.command import check, replay, run
from edge.command.bundle import register as register_bundle
from edge.errors import EdgeError, MissingExtraError, SettingsError
from edge.log import PlainFormatter, configure
from edge.text import plain

COMMAND_GROUP = "firetower.commands"
_SAID_MAX = 2000
_SUMMARIES = {
    "train": "make a model: data, training, quantization, export (extra: train)",
    "sim": "a tower without a tower: simulated cameras (extra: sim)",
    "bench": "measure latency, memory, energy and heat on this board; compare results",
    "deploy": "put the daemon on a board over ssh",
    "watch": "hear towers at an MQTT broker: keep each message once, tell who is silent",
    "command": "sign a command to a tower and wait for its answer",
    "drill": "send a marked test event through a tower's whole chain, and time each step",
}
_EPILOG = """examples:
  firetower run                       the bundled model on a built-in synthetic scene, counters at the end
  firetower run tower.toml            the daemon, as a service runs it
  firetower check tower.toml          open every camera once, self-test the model; exit 0 or 1
  firetower replay fire.mp4 frames/   recordings through the daemon's pipeline, as fast as possible
  firetower bundle show MODEL         what a model reads, writes and was measured at
  firetower watch --broker mqtts://…  on another machine: what towers send, and which of them is silent
  firetower bench --json pi.json      what the model costs on this board, every raw value kept
"""


def program() -> int:
    """Run the command line of this process; return the exit code."""
    codes: list[int] = []
    atexit.register(_leave, codes)  # the first to be registered is the last to be called
    codes.append(main())
    return codes[0]


def _leave(codes: Sequence[int]) -> None:
    """End at once where a thread is still at work: Python would end it inside a library's C++, which aborts."""
    if codes and any(thread.daemon for thread in threading.enumerate()):
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):
                stream.flush()
        os._exit(codes[0])


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line; return the exit code."""
    for name in ("stdout", "stderr"):  # closed by whoever started this
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115
        if isinstance(stream := getattr(sys, name), io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal may know few characters
    if logging.lastResort is not None:  # of commands that set up no log
        logging.lastResort.setFormatter(PlainFormatter())
    arguments = list(sys.argv[1:] if argv is None else argv)
    further = {point.name: point for point in entry_points(group=COMMAND_GROUP)}
    start = next((i for i, word in enumerate(arguments) if word not in {"-v", "--verbose"}), len(arguments))
    if arguments[start:] and arguments[start] in further:
        return _further(further[arguments[start]], arguments[start + 1 :])
    parser = _parser(sorted(further))
    options = parser.parse_args(arguments)
    clear = "\r\033[K" if sys.stderr.isatty() else ""
    configure(
        logging.DEBUG if options.verbose else logging.INFO,
        clear + "%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    handler: Callable[[argparse.Namespace], int] = options.handler
    return _guarded(lambda: handler(options))


def _parser(further: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="firetower",
        description="A wildfire lookout for a Raspberry Pi: camera frames in, smoke events out.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"firetower {__version__}")
    parser.add_argument("-v", "--verbose", action="store_true", help="log more")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for register in (run.register, check.register, replay.register, register_bundle):
        register(commands)
    for name in further:
        commands.add_parser(name, help=_SUMMARIES.get(name, "brought by another package"), add_help=False)
    return parser


def _further(point: EntryPoint, arguments: list[str]) -> int:
    """Run a command that another package brings, which is imported only now."""
    return _guarded(lambda: int(point.load()(arguments)))


def _guarded(command: Callable[[], int]) -> int:
    """Turn errors that were raised on purpose into one line for people and an exit code."""
    try:
        return command()
    except (SettingsError, MissingExtraError) as error:
        _tell(error)
        return 2
    except EdgeError as error:
        _tell(error)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 1


def _tell(error: EdgeError) -> None:
    """Tell an error in one line, however long what it quotes is."""
    said = plain(str(error))
    if len(said) > _SAID_MAX:
        said = f"{said[: _SAID_MAX // 2]} … {said[-_SAID_MAX // 2 :]}"
    with suppress(OSError):
        print(f"firetower: {said}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
