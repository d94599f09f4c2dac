"""What the board answers: its own check of a release, and the health of the service."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from deploy.errors import RefusedError, StartError
from deploy.target import Done

_MAY_BE_AWAY = ("cameras.", "sinks.")
_ANSWERS = (200, 503)  # healthy or not: somebody is there


@dataclass(frozen=True, slots=True)
class Health:
    """How the service does.

    Attributes:
        status: 200 or 503; None where no page is served.
        reasons: what `/health` says, a line for each camera that is not simply ok.
    """

    status: int | None
    reasons: tuple[str, ...] = ()


def read_check(done: Done) -> tuple[str, ...]:
    """Read how `firetower check` ended on the board; return what is wrong with cameras and sinks, which stops nothing.

    Raises:
        RefusedError: the configuration, the model, the store or the page is wrong, or it did not run at all.
    """
    checks = _last_json(done.out).get("checks")
    if done.code not in {0, 1} or not isinstance(checks, dict):
        raise RefusedError(f"firetower check ended with {done.code}: {tail(done)}")
    failed = {name: check["error"] for name, check in checks.items() if not check["ok"]}
    wrong = [f"{name}: {error}" for name, error in failed.items() if not name.startswith(_MAY_BE_AWAY)]
    if wrong:
        raise RefusedError("; ".join(wrong))
    return tuple(f"{name}: {error}" for name, error in failed.items())


def read_health(done: Done) -> Health:
    """Read what `health.sh` wrote.

    Raises:
        StartError: nobody answered, the service is not active, or it was started anew meanwhile.
    """
    facts = dict(line.partition("=")[::2] for line in done.out.splitlines())
    health = Health(None)
    if "answer" in facts:
        answer = json.loads(facts["answer"])
        if answer["status"] not in _ANSWERS:
            raise StartError(f"/health does not answer: {answer['status'] or ''} {answer['body'].strip()}")
        health = Health(answer["status"], tuple(_last_json(answer["body"]).get("reasons", ())))
    if facts.get("active") != "active":
        raise StartError(f"the service is {facts.get('active') or 'gone'} after it was ready")
    if facts.get("same_process") != "yes":
        raise StartError("the service was ready, then ended and was started anew")
    return health


def tail(done: Done, lines: int = 5) -> str:
    """Return the end of what a step wrote."""
    said = (done.err.strip() or done.out.strip()).splitlines()[-lines:]
    return "; ".join(line.strip() for line in said) or "it said nothing"


def _last_json(text: str) -> dict[str, Any]:
    """Return the JSON object on the last line; an empty one where there is none."""
    lines = text.strip().splitlines()
    try:
        document = json.loads(lines[-1]) if lines else {}
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}
