"""The errors of a deployment; each is also the builtin that it specialises.

EdgeError
└── DeployError
    ├── TargetError(OSError)        the board cannot be reached, or a step on it failed
    ├── BoardError(RuntimeError)    the board is not fit; nothing was changed
    ├── WheelError(OSError)         firetower's own wheel or the others cannot be had
    ├── RefusedError(RuntimeError)  `firetower check` on the board says no; nothing was switched
    └── StartError(RuntimeError)    the service did not come up; says what runs now
"""

from edge.errors import EdgeError


class DeployError(EdgeError):
    """The root of everything that `deploy` raises on purpose."""


class TargetError(DeployError, OSError):
    """The board cannot be reached, or a step on it failed; holds the end of what it wrote."""


class BoardError(DeployError, RuntimeError):
    """The board is not fit for firetower; the message says what to do."""


class WheelError(DeployError, OSError):
    """A wheel cannot be built, fetched or read."""


class RefusedError(DeployError, RuntimeError):
    """The board's own check found a bad configuration, model or store; nothing was switched."""


class StartError(DeployError, RuntimeError):
    """The service did not become ready or does not answer; the message says what runs now."""
