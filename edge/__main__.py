"""`python -m edge` is `firetower`."""

import sys

from edge.cli import program

sys.exit(program())
