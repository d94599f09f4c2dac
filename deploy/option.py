"""The command line of `firetower deploy`."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from edge.model.registry import BACKENDS

_HELP = """Put the daemon on a Raspberry Pi, or any 64-bit Debian, over ssh.

Checks the configuration here and the board there; fetches the locked wheels for its Python and machine here (the
board needs no internet) and copies what it lacks; makes the service's user, a virtual environment, the folders and
the unit; lets `firetower check` run there; starts the service and waits until it is READY and /health answers. If it
does not come up, what ran before runs again, and the exit code is 1. A second run with nothing changed changes nothing.

The board must know this machine's key (ssh-copy-id), this machine the board's (log in once), and sudo must ask for
no password there. People read stderr; the last line of stdout is JSON."""

_EXAMPLES = """examples:
  firetower deploy pi@tower-7 tower.toml --dry-run            every file and command, and nothing is changed there
  firetower deploy pi@tower-7 tower.toml                      do it
  firetower deploy pi@tower-7 tower.toml --wheels wheels/     without internet here, too: docs/deploy.md
  firetower deploy pi@tower-7 tower.toml --backend onnx --memory-max-mib 300"""
_PLAIN_PREFIX = re.compile(r"/[A-Za-z0-9_./-]*")


def parser() -> argparse.ArgumentParser:
    """Return what reads it."""
    made = argparse.ArgumentParser(
        prog="firetower deploy",
        description=_HELP,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = made.add_argument
    add("target", metavar="USER@HOST", help="the board, as ssh takes it")
    add("file", type=Path, metavar="FILE.toml", help="the configuration, with this machine's paths")
    add("--dry-run", action="store_true", help="show every file and command; change nothing on the board")
    add("--wheels", type=_folder, metavar="DIR", help="take all wheels from here and ask no index")
    add(
        "--wheel",
        type=Path,
        metavar="FILE",
        help="firetower's own wheel (default: in --wheels, else built here)",
    )
    add("--backend", choices=tuple(BACKENDS), help="overrides model.backend, and brings what it needs")
    add("--memory-max-mib", type=_count, metavar="N", help="end and restart the daemon beyond so much memory")
    add("--identity", type=Path, metavar="FILE", help="private key for ssh")
    add("--port", type=_count, metavar="N", help="of ssh")
    add("--ssh-config", type=Path, metavar="FILE", help="for ssh, instead of your own")
    add("--wait-s", type=_seconds, default=120.0, metavar="S", help="for /health to answer (default: 120)")
    add("--settle-s", type=_seconds, default=5.0, metavar="S", help="it must then go on for (default: 5)")
    add("--prefix", type=_prefix, default="/", metavar="DIR", help="a trial below a folder of the login user")
    return made


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number of 1 or more, got {text!r}")
    return int(text)


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 3600:
        raise argparse.ArgumentTypeError(f"expected 0 to 3600 seconds, got {text}")
    return value


def _folder(text: str) -> Path:
    if not Path(text).is_dir():
        raise argparse.ArgumentTypeError(f"no folder {text}")
    return Path(text)


def _prefix(text: str) -> str:
    if not _PLAIN_PREFIX.fullmatch(text) or ".." in text:
        raise argparse.ArgumentTypeError(
            f"expected an absolute path of letters, digits and _ . / -, got {text!r}"
        )
    return text
