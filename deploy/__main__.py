"""`python -m deploy` and `firetower deploy`."""

from __future__ import annotations

import sys

from deploy.command import command
from edge.errors import EdgeError, MissingExtraError, SettingsError
from edge.text import plain

__all__ = ["command"]


def main() -> int:
    """Run one command line; errors raised on purpose become one line."""
    try:
        return command(sys.argv[1:])
    except EdgeError as error:
        print(f"deploy: {plain(str(error))}", file=sys.stderr)
        return 2 if isinstance(error, SettingsError | MissingExtraError) else 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
