"""`python -m receive watch`, `command` and `drill`; also `firetower watch` and so on."""

from __future__ import annotations

import sys

from edge.errors import EdgeError, MissingExtraError, SettingsError
from edge.text import plain
from receive.drill import command as drill
from receive.order import command as order
from receive.watch import command as watch

_COMMANDS = {"watch": watch, "command": order, "drill": drill}


def main() -> int:
    """Run one command line; errors raised on purpose become one line."""
    run = _COMMANDS.get(sys.argv[1]) if len(sys.argv) > 1 else None
    if run is None:
        print(f"usage: python -m receive {{{','.join(_COMMANDS)}}} …", file=sys.stderr)
        return 2
    try:
        return run(sys.argv[2:])
    except EdgeError as error:
        print(f"receive: {plain(str(error))}", file=sys.stderr)
        return 2 if isinstance(error, SettingsError | MissingExtraError) else 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
