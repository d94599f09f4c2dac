"""A board on loopback: a real sshd of this user's own, a folder for its root, and a stand-in for systemctl.

Nothing of the machine is touched, but for the empty folder /run/sshd that an sshd of root insists on: where it
is missing it is made, and removed again.
"""

import ensurepip
import getpass
import importlib.metadata
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from deploy.board import Board, parse
from deploy.wheel import own_wheel, read_wheel

ROOT = Path(__file__).parents[2]
SURVEY = """
login=pi
login_group=pi
rights=sudo
architecture=arm64
kernel_machine=aarch64
os_id=debian
os_codename=bookworm
os_name=Debian GNU/Linux 12 (bookworm)
model=Raspberry Pi 4 Model B Rev 1.4
glibc=glibc 2.36
page_bytes=4096
systemd=252
memory_kib=3884360
memory_cgroup=yes
clock_synchronised=yes
epoch_s=1800000010
throttled=0
video_group=yes
rsync=yes
free_kib=20000000
read_only=
python=/usr/bin/python3
python_version=3.11.2
venv=yes
overlay_root=no
foreign_unit=
current=
good=
active=inactive
"""
STANDINS = Path(__file__).with_name("standin")


@dataclass(frozen=True)
class Loopback:
    """The board: how to reach it, its root folder, what its service manager was told, and its sshd."""

    destination: str
    ssh_config: Path
    root: Path
    trial: Path
    port: int
    server: tuple[str, ...]
    log: Path

    def calls(self) -> list[str]:
        """What the stand-in was told that changes something."""
        file = self.trial / "calls"
        return file.read_text().split() if file.exists() else []


@pytest.fixture
def loopback(tmp_path: Path) -> Iterator[Loopback]:
    board = write_board(tmp_path)
    server = subprocess.Popen(board.server)
    try:
        wait_for(board.port, server, board.log)
        yield board
    finally:
        if (board.trial / "pid").exists():
            end(int((board.trial / "pid").read_text()))
        server.terminate()
        server.wait()


def write_board(tmp_path: Path) -> Loopback:
    """Write all that an sshd needs to be the board; it is not started."""
    sshd = shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    if sshd is None:
        pytest.fail("needs an sshd: apt-get install openssh-server (the test starts its own, on loopback)")
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(
            mode=0o755, exist_ok=True
        )  # root's sshd asks for it; left, for another test may need it
    trial = tmp_path / "trial"
    root = tmp_path / "root"
    for folder in (trial / "bin", root):
        folder.mkdir(parents=True)
    for standin in STANDINS.iterdir():
        (trial / "bin" / standin.name).write_text(
            f"#!{Path(sys.executable).resolve()} -SE\n{standin.read_text()}"
        )
        (trial / "bin" / standin.name).chmod(0o755)
    (trial / "bin/python3").symlink_to(Path(sys.executable).resolve())
    port = free_port()
    ssh_config = write_keys(tmp_path / "ssh", port)
    config, log = tmp_path / "ssh/sshd_config", tmp_path / "ssh/log"
    config.write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {tmp_path}/ssh/host\nPidFile none\nUsePAM no\nStrictModes no\n"
        f"AuthorizedKeysFile {tmp_path}/ssh/user.pub\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n"
        f"Subsystem sftp internal-sftp\nSetEnv PATH={trial}/bin:/usr/bin:/bin TRIAL={trial} TRIAL_ROOT={root}\n"
    )
    server = (sshd, "-D", "-E", str(log), "-f", str(config))
    return Loopback(f"{getpass.getuser()}@127.0.0.1", ssh_config, root, trial, port, server, log)


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of wheels: firetower's own, and stubs of those it requires, which lend it what is installed here."""
    folder = tmp_path_factory.mktemp("wheels")
    lent = tmp_path_factory.mktemp("lent")
    own = own_wheel(None, None, folder)
    direct = {name for name, extra in requirements("firetower") if not extra}
    for name in sorted(direct):
        write_stub(folder, name, importlib.metadata.version(name), {})
    write_stub(folder, "msgspec", importlib.metadata.version("msgspec"), {"lent.pth": f"{lent}\n"})
    for name in closure(direct):
        for top in {file.parts[0] for file in importlib.metadata.files(name) or ()}:
            shared = (lent / top).is_symlink()  # a namespace, such as backports
            if not shared and top not in {"..", "__pycache__"} and not top.endswith(".dist-info"):
                (lent / top).symlink_to(Path(str(importlib.metadata.distribution(name).locate_file(top))))
    bundled = [
        *Path(ensurepip.__path__[0]).glob("_bundled/pip-*.whl"),
        *Path("/usr/share/python-wheels").glob("pip-*.whl"),
    ]
    if not bundled:
        pytest.skip("needs the wheel of pip that Python brings: apt-get install python3-venv")
    shutil.copy(bundled[0], folder)
    pip = folder / bundled[0].name
    stubs = [path for path in folder.glob("*.whl") if path not in {own.path, pip}]
    write_lock(own.path, {"device": stubs, "pip": [pip]})
    return folder


def requirements(name: str) -> Iterator[tuple[str, bool]]:
    """Yield what a distribution requires, and whether only for an extra or for another Python."""
    for line in importlib.metadata.requires(name) or ():
        match = re.match(r"[A-Za-z0-9._-]+", line)
        assert match
        yield match[0], ";" in line and "python_version >" not in line


def closure(names: set[str]) -> set[str]:
    """Return the distributions and all that they require, as far as they are here."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop().lower().replace("_", "-").replace(".", "-")
        if name in found:
            continue
        try:
            waiting += [inner for inner, _ in requirements(name)]
        except importlib.metadata.PackageNotFoundError:
            continue
        found.add(name)
    return found


def write_stub(
    folder: Path, name: str, version: str, files: dict[str, str], requires: tuple[str, ...] = ()
) -> Path:
    """Write a wheel with nothing but the given files."""
    plain = name.replace("-", "_").replace(".", "_")
    path = folder / f"{plain}-{version}-py3-none-any.whl"
    info = f"{plain}-{version}.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        for inner, text in files.items():
            archive.writestr(inner, text)
        needs = "".join(f"Requires-Dist: {line}\n" for line in requires)
        needs += "".join(f"Provides-Extra: {extra}\n" for extra in re.findall(r"extra == '(\w+)'", needs))
        archive.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}"
        )
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "".join(f"{inner},,\n" for inner in [*files, f"{info}/METADATA"]))
    return path


def write_lock(own: Path, sets: dict[str, Iterable[Path]]) -> None:
    """Lock firetower's own wheel on these wheels, in place of those that it was made with."""
    with zipfile.ZipFile(own) as archive:
        kept = {name: archive.read(name) for name in archive.namelist() if "/extra_metadata/" not in name}
    info = next(name.partition("/")[0] for name in kept if name.endswith("/METADATA"))
    with zipfile.ZipFile(own, "w") as archive:
        for name, content in kept.items():
            archive.writestr(name, content)
        for name, wheels in sets.items():
            archive.writestr(
                f"{info}/extra_metadata/requirements/{name}.txt", "".join(map(lock_line, wheels))
            )


def lock_line(wheel: Path) -> str:
    name, version = wheel.name.split("-")[:2]
    return f"{name}=={version} \\\n    --hash=sha256:{read_wheel(wheel).sha256}\n"


def write_keys(folder: Path, port: int) -> Path:
    """Make a key of the host and one of the user; return a configuration for ssh that knows both and nothing else."""
    folder.mkdir(mode=0o700)
    for name in ("host", "user"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)], check=True)
    known = folder / "known_hosts"
    known.write_text(f"[127.0.0.1]:{port} {(folder / 'host.pub').read_text()}")
    config = folder / "config"
    config.write_text(
        f"Port {port}\nIdentityFile {folder}/user\nIdentitiesOnly yes\nUserKnownHostsFile {known}\n"
        "GlobalKnownHostsFile none\n"
    )
    return config


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def wait_for(port: int, server: "subprocess.Popen[bytes]", log: Path) -> None:
    while True:
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                return
        assert server.poll() is None, log.read_text()
        time.sleep(0.1)


def end(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


@pytest.fixture
def unused_port() -> int:
    return free_port()


@pytest.fixture
def stub(tmp_path: Path) -> Callable[..., Path]:
    """Return what writes a wheel into a folder below this test's own."""

    def write(folder: str, name: str, version: str = "1.0", requires: tuple[str, ...] = ()) -> Path:
        (tmp_path / folder).mkdir(exist_ok=True)
        return write_stub(tmp_path / folder, name, version, {}, requires)

    return write


@pytest.fixture
def lock() -> Callable[[Path, dict[str, Iterable[Path]]], None]:
    """Return what locks firetower's own wheel on others."""
    return write_lock


@pytest.fixture
def survey() -> str:
    """What survey.sh says on a Raspberry Pi 4 in good order; made up after its documentation, not copied from one."""
    return SURVEY


@pytest.fixture
def pi4() -> Board:
    return parse(SURVEY)
