"""`python -m edge` is `firetower`."""

import sys

from edge.cli import main

sys.exit(main())
