"""Where everything is on the board, and whose it is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath

SERVICE = "firetower.service"


@dataclass(frozen=True, slots=True)
class Layout:
    """The folders of one board.

    /opt/firetower/wheels/<sha256>/     what was copied, kept so that the next release copies only what is new
    /opt/firetower/venvs/<digest>/      virtual environments: of what firetower requires, and of firetower on top
    /opt/firetower/releases/<digest>/   what runs: venv and config (links) and the unit
    /opt/firetower/current              → releases/<digest>; `previous` beside it
    /etc/firetower/<digest>/            tower.toml, secrets, bundle: the folder 0750, for the service's group
    /var/lib/firetower/                 events; the only folder that the service writes

    Attributes:
        prefix: "/", or a folder for a trial, where everything belongs to the login user and no user is made.
        login: who logs in.
        login_group: and their group.
    """

    prefix: PurePosixPath
    login: str
    login_group: str

    @property
    def trial(self) -> bool:
        """Whether this is below a folder, beside the system rather than part of it."""
        return self.prefix != PurePosixPath("/")

    @property
    def opt(self) -> PurePosixPath:
        """The software."""
        return self.prefix / "opt/firetower"

    @property
    def etc(self) -> PurePosixPath:
        """The configurations."""
        return self.prefix / "etc/firetower"

    @property
    def var(self) -> PurePosixPath:
        """The state."""
        return self.prefix / "var/lib/firetower"

    @property
    def unit(self) -> PurePosixPath:
        """The service manager's file."""
        return self.prefix / "etc/systemd/system" / SERVICE

    @property
    def journald(self) -> PurePosixPath:
        """The log's limits."""
        return self.prefix / "etc/systemd/journald.conf.d/firetower.conf"

    @property
    def incoming(self) -> PurePosixPath:
        """Where copies arrive, the login user's."""
        return self.opt / "incoming"

    @property
    def user(self) -> str:
        """Who the service runs as."""
        return self.login if self.trial else "firetower"

    @property
    def group(self) -> str:
        """And their group."""
        return self.login_group if self.trial else "firetower"

    @property
    def owner(self) -> str:
        """Who owns what the service only reads."""
        return self.login if self.trial else "root"

    def variables(self) -> dict[str, str]:
        """Return what the scripts are told of it."""
        return {
            "opt": str(self.opt),
            "etc": str(self.etc),
            "var": str(self.var),
            "unit": str(self.unit),
            "journald": str(self.journald),
            "incoming": str(self.incoming),
            "login": self.login,
            "login_group": self.login_group,
            "user": self.user,
            "group": self.group,
            "owner": self.owner,
            "service": SERVICE,
        }
