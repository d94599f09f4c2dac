"""The errors of the physics.

EdgeError
└── PhysicsError(ValueError)   a place, a part of the tower or a time is unfit
"""

from __future__ import annotations

from edge.errors import EdgeError


class PhysicsError(EdgeError, ValueError):
    """A place, a part of the tower or a time is unfit; the message says which and what was expected."""
