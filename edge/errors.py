"""The errors that the device raises on purpose; each is also the builtin that it specialises.

EdgeError
├── SettingsError(ValueError)      the configuration file is wrong, with the path of the key
├── BundleError(ValueError)        a model bundle cannot be used
│   ├── ManifestError              its manifest is malformed
│   ├── UnknownBackendError        a model file is for a backend that this version does not know
│   └── DigestError                a file is not the one that the manifest names
├── RuntimeModelError(RuntimeError) a backend refuses or fails to run a model file
├── FrameError(ValueError)         a picture has the wrong shape or dtype
├── CameraError(OSError)           a source cannot be opened or read
├── HttpError(OSError)             a server cannot be reached over HTTP, or answers what is of no use
│   └── SilenceError               … nothing came in time
├── LinkError(OSError)             there is no way to the receiver of a sink just now
├── StoreError(OSError)            the event file cannot be used
│   └── DiskError                  … whatever would be written to it
├── CommandError(ValueError)       a command to the tower is refused or cannot be done, with the reason in one word
├── MissingExtraError(ImportError) an optional part is not installed; names the extra
└── DeviceError(OSError)           a sensor or a kernel file cannot be read
"""


class EdgeError(Exception):
    """The root of everything that `edge` raises on purpose."""


class SettingsError(EdgeError, ValueError):
    """The configuration is wrong; the message starts with the path of the key."""


class BundleError(EdgeError, ValueError):
    """A model bundle cannot be used; the message names the file."""


class ManifestError(BundleError):
    """A bundle's manifest is malformed or of an unknown major version."""


class UnknownBackendError(BundleError):
    """A bundle's model file is for a backend that this version of firetower does not know."""


class DigestError(BundleError):
    """A bundle's file has another sha256 or length than its manifest says."""


class RuntimeModelError(EdgeError, RuntimeError):
    """A backend refuses to load a model file, or fails to run it."""


class FrameError(EdgeError, ValueError):
    """A picture has the wrong rank, dtype or size."""


class CameraError(EdgeError, OSError):
    """A source cannot be opened, stalls or breaks; never contains credentials."""


class HttpError(EdgeError, OSError):
    """A server cannot be reached over HTTP, or answers what is of no use; holds no address and no credentials."""


class SilenceError(HttpError):
    """Nothing came over HTTP for too long."""


class LinkError(EdgeError, OSError):
    """There is no way to the receiver of a sink just now; holds no credentials."""


class StoreError(EdgeError, OSError):
    """The event store cannot be opened or written."""


class DiskError(StoreError):
    """The disk of the event store takes nothing now: it is full, failing, read-only or held by another process."""


class CommandError(EdgeError, ValueError):
    """A command to the tower is refused, or cannot be done.

    Args:
        reason: in one word, as `edge.uplink.gate` lists them.
        why: for people.
    """

    def __init__(self, reason: str, why: str) -> None:
        super().__init__(why)
        self.reason = reason


class DeviceError(EdgeError, OSError):
    """A sensor or a kernel file cannot be read."""


class StallError(EdgeError, RuntimeError):
    """A loop of the daemon stands still."""


class MissingExtraError(EdgeError, ImportError):
    """An optional part is configured but not installed.

    Args:
        what: what needs it, for people.
        extra: the extra of the distribution that brings it; None: every whole installation has it.
    """

    def __init__(self, what: str, extra: str | None) -> None:
        brings = "firetower" if extra is None else f"firetower[{extra}]"
        super().__init__(f"{what} needs a part that is not installed: pip install '{brings}'")
