"""Tries to open cameras again and again, as their readers do, and tells what that left behind: one line of JSON.

Arguments: how often, and the addresses.
"""

import json
import sys
import threading
from collections import Counter
from pathlib import Path

from edge.camera.address import open_source, options_for
from edge.camera.source import Session
from edge.clock import SystemClock
from edge.errors import CameraError

TIMEOUT_S = 0.01


def main() -> None:
    tries, addresses = int(sys.argv[1]), sys.argv[2:]
    said: Counter[str] = Counter()
    threads = descriptors = 0
    sessions = {address: Session(SystemClock()) for address in addresses}
    for _ in range(tries):
        for address, session in sessions.items():
            try:
                open_source(options_for(address, timeout_s=TIMEOUT_S), session)
            except CameraError as error:
                said[str(error)] += 1
            threads = max(threads, threading.active_count())
            descriptors = max(descriptors, len(list(Path("/proc/self/fd").iterdir())))
    print(json.dumps({"said": said, "threads": threads, "descriptors": descriptors}))


if __name__ == "__main__":
    main()
