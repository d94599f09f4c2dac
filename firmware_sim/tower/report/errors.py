"""The errors of reports.

EdgeError
└── ReportError(ValueError)   a file is no report, or reports cannot be compared
"""

from __future__ import annotations

from edge.errors import EdgeError


class ReportError(EdgeError, ValueError):
    """A file is no report, or reports cannot be compared; the message says which and what to do."""
