"""`python3 -m deploy.health [FILE.toml]`: ask the daemon's `/health` where its configuration says it listens.

The image's health check: a process each minute, so of Python's own library it takes what it needs and nothing else.
"""

from __future__ import annotations

import sys
import tomllib
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path

CONFIGURATION = Path("/etc/firetower/tower.toml")
TIMEOUT_S = 10.0
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 — not bound, only understood


def main(arguments: Sequence[str]) -> int:
    """Return 0 where `/health` answers 200, 1 where it says 503 or nobody can be asked; the reason goes to stdout."""
    file = Path(arguments[0]) if arguments else CONFIGURATION
    straight = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with straight.open(question(file), timeout=TIMEOUT_S) as answer:
            print(answer.read().decode(errors="replace"))
    except urllib.error.HTTPError as error:
        print(error.read().decode(errors="replace"))
        return 1
    except (OSError, ValueError) as error:
        print(f"nobody can be asked: {error}")
        return 1
    return 0


def question(file: Path) -> urllib.request.Request:
    """Return the request for `/health`, with the token where there is one.

    Raises:
        OSError: the configuration or the token cannot be read.
        ValueError: the configuration is not TOML, or no page is served.
    """
    web = tomllib.loads(file.read_text(encoding="utf-8")).get("web", {})
    if not web.get("enabled", True):
        raise ValueError("web.enabled is false: nothing tells how the daemon does; use --no-healthcheck")
    host = web.get("host", "127.0.0.1")
    host = _EVERYWHERE.get(host, host)
    shown = f"[{host}]" if ":" in host else host
    request = urllib.request.Request(f"http://{shown}:{web.get('port', 8080)}/health")
    if "token_file" in web:
        token = (file.parent / web["token_file"]).read_text(encoding="utf-8").strip()
        request.add_header("Authorization", f"Bearer {token}")
    return request


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
