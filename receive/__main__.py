"""`python -m receive watch`, `command` and `drill`; also `firetower watch` and so on."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from edge.errors import EdgeError, MissingExtraError, SettingsError
from edge.text import plain
from receive.drill import command as drill
from receive.order import command as order
from receive.watch import command as watch

_COMMANDS = {"watch": watch, "command": order, "drill": drill}


def main(arguments: Sequence[str]) -> int:
    """Run one command line; errors raised on purpose become one line."""
    parser = argparse.ArgumentParser(prog="python -m receive", description=__doc__)
    parser.add_argument("command", choices=_COMMANDS, help="each has a --help of its own")
    chosen = parser.parse_args(arguments[:1]).command
    try:
        return _COMMANDS[chosen](list(arguments[1:]))
    except EdgeError as error:
        print(f"receive: {plain(str(error))}", file=sys.stderr)
        return 2 if isinstance(error, SettingsError | MissingExtraError) else 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
