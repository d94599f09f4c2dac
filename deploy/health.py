"""`python3 -m deploy.health [FILE.toml]`: ask the daemon's `/health` where its configuration says it listens.

The image's health check: a process each minute, so it imports little.
"""

from __future__ import annotations

import http.client
import sys
import tomllib
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from edge.document import read_text
from edge.text import plain

CONFIGURATION = Path("/etc/firetower/tower.toml")
TIMEOUT_S = 10.0
_FILE_BYTES_MAX = 1 << 20
_ANSWER_BYTES_MAX = 1 << 20
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 — not bound, only understood


def main(arguments: Sequence[str]) -> int:
    """Return 0 where `/health` answers 200, 1 where it says 503 or nobody can be asked; the reason goes to stdout."""
    file = Path(arguments[0]) if arguments else CONFIGURATION
    straight = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with straight.open(question(file), timeout=TIMEOUT_S) as answer:
            _tell(answer)
    except urllib.error.HTTPError as error:
        _tell(error)
        return 1
    except (OSError, ValueError, http.client.HTTPException) as error:
        print(plain(f"nobody can be asked: {error}"))
        return 1
    return 0


def _tell(answer: IO[bytes]) -> None:
    print(plain(answer.read(_ANSWER_BYTES_MAX).decode(errors="replace").strip()))


def question(file: Path) -> urllib.request.Request:
    """Return the request for `/health`, with the token where there is one.

    Raises:
        OSError: the configuration or the token cannot be read.
        ValueError: the configuration is not TOML or not one of firetower's, or no page is served.
    """
    try:
        web = tomllib.loads(read_text(file, _FILE_BYTES_MAX)).get("web", {})
    except RecursionError as error:
        raise ValueError(f"{file}: not valid TOML: {error}") from error
    if not isinstance(web, dict):
        raise ValueError(f"{file}: web: expected a table")  # noqa: TRY004 — of a file
    if not web.get("enabled", True):
        raise ValueError("web.enabled is false: nothing tells how the daemon does; use --no-healthcheck")
    host = str(web.get("host", "127.0.0.1"))
    host = _EVERYWHERE.get(host, host)
    shown = f"[{host}]" if ":" in host else host
    request = urllib.request.Request(f"http://{shown}:{web.get('port', 8080)}/health")
    if "token_file" in web:
        token = read_text(file.parent / str(web["token_file"]), _FILE_BYTES_MAX).strip()
        request.add_header("Authorization", f"Bearer {token}")
    return request


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
