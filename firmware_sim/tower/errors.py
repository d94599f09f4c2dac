"""The errors of simulated towers.

EdgeError
├── ScenarioError(ValueError) a scenario cannot be read, or cannot be played as it is asked for
├── PlanError(ValueError)     a plan cannot be run as it is
└── SeatError(RuntimeError)   a part of the tower has died of an error that nobody foresaw
"""

from __future__ import annotations

from edge.errors import EdgeError


class ScenarioError(EdgeError, ValueError):
    """A scenario cannot be read or played; the message starts with the file or the path of the key."""


class PlanError(EdgeError, ValueError):
    """A plan cannot be run as it is; the message says which part, and what was expected."""


class SeatError(EdgeError, RuntimeError):
    """A thread on a seat has died of an error that it did not handle."""
