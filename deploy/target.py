"""The board, reached through the system's own ssh, scp and rsync; there is no agent on the other side."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Protocol, Self

from deploy.errors import TargetError
from deploy.script import Step
from edge.errors import SettingsError
from edge.scratch import make_folder, remove_folder, temporary_folder

_DESTINATION = re.compile(
    r"(?:(?P<user>[A-Za-z0-9_][A-Za-z0-9_.-]*)@)?(?P<host>[A-Za-z0-9][A-Za-z0-9_.-]*|\[[0-9A-Fa-f:.]+\])"
)
# No password or question can hang it, an unknown or changed host key ends it, a dead link is noticed in a minute.
_ALWAYS = (
    "BatchMode=yes",
    "StrictHostKeyChecking=yes",
    "ConnectTimeout=20",
    "ServerAliveInterval=15",
    "ServerAliveCountMax=4",
    "ForwardAgent=no",
    "ForwardX11=no",
    "ClearAllForwardings=yes",
    "ControlMaster=auto",
    "ControlPersist=60",
)
_LOST = 255  # ssh(1): its own failure, not the command's


@dataclass(frozen=True, slots=True)
class Done:
    """How a step ended.

    Attributes:
        code: its exit status.
        out: what it wrote to stdout.
        err: what it wrote to stderr.
    """

    code: int
    out: str = ""
    err: str = ""


class Target(Protocol):
    """One board."""

    def run(self, step: Step) -> Done:
        """Run a step's script on it.

        Raises:
            TargetError: it cannot be reached; a script that fails is not an error.
        """
        ...

    def copy(self, files: Mapping[str, Path], folder: PurePosixPath) -> None:
        """Copy files into an existing folder on it, under the names given.

        Raises:
            TargetError: it cannot be reached, or does not take them.
        """
        ...


class SshTarget:
    """A board behind ssh, with one connection for all steps; a context manager that closes it.

    Args:
        destination: `user@host`, or `host`, as ssh takes it; `user@[address]` for IPv6.
        identity: a private key; ssh's own choice if absent.
        port: ssh's own choice if absent.
        config: an ssh configuration to read instead of the user's.

    Raises:
        SettingsError: the destination is not one.
    """

    def __init__(
        self,
        destination: str,
        *,
        identity: Path | None = None,
        port: int | None = None,
        config: Path | None = None,
    ) -> None:
        match = _DESTINATION.fullmatch(destination)
        if match is None:
            raise SettingsError(f"'{destination}': expected user@host, such as pi@tower-7")
        self.name = destination
        self._user = f"{match['user']}@" if match["user"] else ""
        self._host = match["host"]
        self._scratch = make_folder("")  # short: the path of a socket has 104 bytes at most
        options = [*_ALWAYS, f"ControlPath={self._scratch}/ssh"]
        options += [f"Port={port}"] if port is not None else []
        options += [f"IdentityFile={identity}", "IdentitiesOnly=yes"] if identity is not None else []
        self._options = [] if config is None else ["-F", str(config)]
        self._options += [word for option in options for word in ("-o", option)]
        self.has_rsync = False  # until the board says that it has it too

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connection."""
        _call([*self._ssh(), "-O", "exit", "--", self._login()])
        remove_folder(self._scratch)

    def run(self, step: Step) -> Done:
        """Run a step's script; see Target."""
        shell = "sudo -n sh -s" if step.root else "sh -s"
        done = _call([*self._ssh(), "-T", "--", self._login(), shell], step.text())
        if done.code == _LOST:
            raise TargetError(f"{self.name}: {_advice(done.err, self.name)}")
        return done

    def copy(self, files: Mapping[str, Path], folder: PurePosixPath) -> None:
        """Copy files; see Target. With rsync at both ends, one that was cut off goes on where it ended."""
        with temporary_folder("names-") as names:
            for name, file in files.items():
                (names / name).symlink_to(file.absolute())
            sources = sorted(str(names / name) for name in files)
            to = f"{self._user}{self._host}:{folder}/"
            if self.has_rsync and shutil.which("rsync"):
                command = [
                    "rsync",
                    "--copy-links",
                    "--partial",
                    "--protect-args",
                    "--rsh",
                    shlex.join(self._ssh()),
                ]
            else:
                command = ["scp", "-B", *self._options]
            command += ["--", *sources, to]
            # a progress meter is for people, on stderr: stdout is for programs
            done = subprocess.run(command, stdout=2, stderr=subprocess.PIPE, text=True, check=False)
        if done.returncode:
            raise TargetError(f"{self.name}: copying failed: {_advice(done.stderr, self.name)}")

    def _ssh(self) -> list[str]:
        return ["ssh", *self._options]

    def _login(self) -> str:
        return self._user + self._host.strip("[]")


def _call(command: Sequence[str], text: str = "") -> Done:
    try:
        done = subprocess.run(
            command, input=text, capture_output=True, text=True, errors="replace", check=False
        )
    except FileNotFoundError as error:
        raise TargetError(f"{command[0]} is not installed; apt install openssh-client") from error
    return Done(done.returncode, done.stdout, done.stderr)


def _advice(err: str, name: str) -> str:
    """Return the end of what ssh wrote, and what to do about its commonest refusals."""
    said = "; ".join(line.strip() for line in err.strip().splitlines()[-3:]) or "the connection was lost"
    if "REMOTE HOST IDENTIFICATION HAS CHANGED" in err:
        return "its host key is not the one it had; find out why (another card? another machine?) before anything else"
    if "Host key verification failed" in err:
        return f"{said}; log in once by hand to look at its key: ssh {name}"
    if "Permission denied" in err:
        return f"{said}; this needs a key without a question: ssh-copy-id {name}, or --identity, or ssh-agent"
    return said
