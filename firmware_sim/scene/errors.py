"""The errors of the scene.

EdgeError
└── SceneError(ValueError)   pictures, times or a choice are unfit
    └── MixError             something that judges is also among what trains
"""

from __future__ import annotations

from edge.errors import EdgeError


class SceneError(EdgeError, ValueError):
    """Pictures, times or a choice are unfit."""


class MixError(SceneError):
    """A seed, group, name or digest is on both sides; the message names what met."""
