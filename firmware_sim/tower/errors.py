"""The errors of a simulated tower.

EdgeError
└── ScenarioError(ValueError)   a scenario cannot be read, or cannot be played as it is asked for
"""

from __future__ import annotations

from edge.errors import EdgeError


class ScenarioError(EdgeError, ValueError):
    """A scenario cannot be read or played; the message starts with the file or the path of the key."""
