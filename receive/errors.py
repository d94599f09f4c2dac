"""The errors of what hears towers; each is also the builtin that it specialises.

EdgeError
└── ReceiveError
    ├── BrokerError(OSError)      the broker cannot be reached, or lets us not in; never contains a password
    ├── FolderError(OSError)      the folder of messages cannot be used
    └── MessageError(ValueError)  a message is not what it says it is
"""

from edge.errors import EdgeError


class ReceiveError(EdgeError):
    """The root of everything that `receive` raises on purpose."""


class BrokerError(ReceiveError, OSError):
    """The broker cannot be reached, or lets us not in; never contains a password."""


class FolderError(ReceiveError, OSError):
    """The folder of messages cannot be used."""


class MessageError(ReceiveError, ValueError):
    """A message is not what it says it is: its form, its name or its digest is wrong."""
