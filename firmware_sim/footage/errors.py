"""The errors of footage.

EdgeError
└── FootageError(ValueError)   a clip, folder or sequence cannot be shown, or a choice is unfit
"""

from __future__ import annotations

from edge.errors import EdgeError


class FootageError(EdgeError, ValueError):
    """A clip, folder or sequence cannot be shown, or a choice is unfit."""
