"""`python -m firmware_sim` and `firetower sim`: cameras and whole towers that are not there."""

from __future__ import annotations

import argparse
import sys

from firmware_sim.command import listing, run, serve, sweep


def command(argv: list[str]) -> int:
    """Run one command; return 0 when it ended as asked, 1 when it broke, 2 for wrong usage."""
    parser = argparse.ArgumentParser(prog="firetower sim", description="A tower without a tower.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    listing.add(commands)
    run.add(commands)
    serve.add(commands)
    sweep.add(commands)
    try:
        arguments = parser.parse_args(argv)
    except SystemExit as end:  # argparse has said what was wrong
        return int(end.code or 0)
    return int(arguments.run(arguments))


if __name__ == "__main__":
    sys.exit(command(sys.argv[1:]))
