"""The files for the service manager and the log, from their templates."""

from __future__ import annotations

import re
from importlib import resources
from pathlib import PurePosixPath
from string import Template

from deploy.layout import SERVICE, Layout
from edge.errors import SettingsError

# A store there would open more to the service than its events need, or is hidden from it (ProtectHome=, PrivateTmp=).
_SHARED = frozenset(
    map(PurePosixPath, ("/", "/media", "/mnt", "/opt", "/srv", "/var", "/var/cache", "/var/lib"))
)
_OF_THE_SYSTEM = tuple(
    PurePosixPath("/", *name.split("/"))
    for name in (
        *("bin", "boot", "dev", "etc", "home", "lib", "lib32", "lib64", "lost+found", "proc", "root", "run"),
        *(
            "sbin",
            "sys",
            "tmp",
            "usr",
            "var/backups",
            "var/lib/dpkg",
            "var/lib/systemd",
            "var/log",
            "var/spool",
        ),
        *("var/tmp", "opt/firetower", "opt/vc"),
    )
)
_PLAIN_PATH = re.compile(r"/[A-Za-z0-9_./-]*")  # the service manager gives '%', quotes and blanks a meaning


def render_unit(
    layout: Layout,
    *,
    video: bool,
    store: PurePosixPath | None = None,
    memory_max_mib: int | None = None,
    serial: str | None = None,
) -> str:
    """Return firetower.service.

    Args:
        layout: where things are.
        video: whether the board has the group of cameras.
        store: the configured file of events; one outside the state folder needs a hole in the sandbox.
        memory_max_mib: beyond which the kernel ends the daemon, which then starts again.
        serial: port that the governor reads; without one the service gets none.

    Raises:
        SettingsError: the path of the store cannot be written into a unit.
    """
    options = ["SupplementaryGroups=video"] if video else []
    if store is not None and not store.is_relative_to(layout.var):
        check_store(store)
        options.append(f"ReadWritePaths={store.parent}")
    options += [] if memory_max_mib is None else [f"MemoryMax={memory_max_mib}M"]
    options += [] if serial is None else ["SupplementaryGroups=dialout", f"DeviceAllow={serial} r"]
    values = {"opt": layout.opt, "var": layout.var, "user": layout.user, "group": layout.group}
    text = Template(_read(SERVICE)).substitute(values, options="\n".join(options))
    return text.replace("\n\n# It reads", "\n# It reads")


def check_store(store: PurePosixPath) -> None:
    """See that a unit can name a path outside the state folder, and may let the service write into its folder.

    Raises:
        SettingsError: it cannot, or the folder is the system's.
    """
    if not _PLAIN_PATH.fullmatch(str(store)) or ".." in store.parts:
        raise SettingsError(
            f"store.path: {str(store)!r}: use letters, digits and _ . / - only, for the unit names it"
        )
    folder = store.parent
    if folder in _SHARED or any(folder.is_relative_to(own) for own in _OF_THE_SYSTEM):
        raise SettingsError(
            f"store.path: {store}: the service would have to write into {folder}, which is the system's; use a folder"
            " of its own, such as /data, or leave store.path out"
        )


def journal_limits() -> str:
    """Return the drop-in that bounds the journal."""
    return _read("journald.conf")


def _read(name: str) -> str:
    return resources.files("deploy").joinpath("template", name).read_text(encoding="utf-8")
