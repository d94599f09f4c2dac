"""Those who hear the tower, as processes with files of their own: mosquitto, who listens there, an HTTPS receiver.

Each can be killed and started again where it was.
"""

from __future__ import annotations

import base64
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self

from benchmarks.delivery.hook import KEY, Mood
from benchmarks.delivery.taken import READY, Pages, Taken
from benchmarks.tower import HANG_S, TowerError

_ROOT = Path(__file__).parents[2]
_RUN = "import sys; sys.path.insert(0, {root!r}); from benchmarks.delivery.{module} import {name}; {name}(*{given!r})"
_STILL_S = 0.5
_PLACES = {"broker": "ear", "hook": "hook"}  # of a sink: whose file has what arrived


def missing() -> str | None:
    """Return what it takes and is not here; None where all is."""
    if mosquitto() is None:
        return "it needs a broker: apt-get install mosquitto"
    if shutil.which("openssl") is None:
        return "it makes a certificate: apt-get install openssl"
    return None


def mosquitto() -> str | None:
    """Return the program."""
    return shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")


class Station:
    """A broker, a listener there and a receiver of webhooks.

    Args:
        folder: theirs.
        host: where they listen.
        prefix: what starts their programs, such as `nsenter …`.
        without: those that are started later.

    Attributes:
        broker_port, hook_port: where they are.
    """

    def __init__(
        self, folder: Path, host: str = "127.0.0.1", prefix: Sequence[str] = (), without: Sequence[str] = ()
    ) -> None:
        self._folder = folder
        self._host = host
        self._prefix = prefix
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._pages = {sink: Pages(folder / place / "taken.jsonl") for sink, place in _PLACES.items()}
        for name in ("broker", "ear", "hook"):
            (folder / name).mkdir(parents=True)
        self.broker_port, self.hook_port = _free_port(), _free_port()
        self._make_files()
        try:
            for name in ("broker", "ear", "hook"):
                if name not in without:
                    self.start(name)
        except TowerError:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    @property
    def secret_file(self) -> Path:
        """Of the webhooks."""
        return self._folder / "secret"

    @property
    def certificate(self) -> Path:
        """Of the receiver, which signed it itself."""
        return self._folder / "hook/certificate.pem"

    def taken(self, sink: str) -> list[Taken]:
        """Return what arrived: of sink `broker` at its listener, of sink `hook` there."""
        return self._pages[sink].read()

    def start(self, name: str) -> None:
        """Start one of `broker`, `ear`, `hook`, and wait until it serves.

        Raises:
            TowerError: it does not.
        """
        place = self._folder / name
        (place / READY).unlink(missing_ok=True)
        given = (str(place), self._host, self.broker_port if name == "ear" else self.hook_port)
        words = {
            "broker": [str(mosquitto()), "-c", str(place / "conf")],
            "ear": _python("ear", "listen", given),
            "hook": _python("hook", "serve", given),
        }[name]
        log = (place / "log").open("ab")
        with log:
            begun = log.tell()
            self._running[name] = subprocess.Popen([*self._prefix, *words], stdout=log, stderr=log, cwd=_ROOT)
        self._until(
            name, lambda: (place / READY).exists() or b" running" in (place / "log").read_bytes()[begun:]
        )

    def kill(self, name: str) -> None:
        """Kill one of them."""
        process = self._running.pop(name)
        process.kill()
        process.wait()

    def is_up(self, name: str) -> bool:
        """Say whether it runs."""
        return name in self._running

    def mood(self, mood: Mood) -> None:
        """Let the receiver of webhooks answer so from now on."""
        new = self._folder / "hook/mood.new"
        new.write_text(mood)
        new.replace(self._folder / "hook/mood")

    def settle(self) -> None:
        """Wait until the listener has what the broker has: a broker that is killed then takes nothing with it."""
        size, since_s = -1, time.monotonic()
        path = self._folder / "ear/taken.jsonl"
        while time.monotonic() - since_s < _STILL_S:
            now = path.stat().st_size if path.exists() else 0
            if now != size:
                size, since_s = now, time.monotonic()
            time.sleep(0.05)

    def close(self) -> None:
        """End all of them."""
        for name in list(self._running):
            self.kill(name)

    def _make_files(self) -> None:
        place = self._folder / "broker"
        lines = (
            f"listener {self.broker_port} {self._host}", "allow_anonymous true", "user root", "log_type all",
            "persistence true", f"persistence_location {place}/", "autosave_on_changes true", "autosave_interval 1",
            "max_queued_messages 0", "max_queued_bytes 0",
        )  # fmt: skip
        (place / "conf").write_text("\n".join(lines) + "\n")
        self.secret_file.write_text("whsec_" + base64.b64encode(KEY).decode() + "\n")
        self.secret_file.chmod(0o600)
        words = ["openssl", "req", "-x509", "-nodes", "-days", "7", "-newkey", "ec", "-subj", "/CN=hook"]
        words += ["-pkeyopt", "ec_paramgen_curve:prime256v1", "-addext", f"subjectAltName=IP:{self._host}"]
        made = subprocess.run([*words, "-keyout", "-"], capture_output=True, check=True)
        self.certificate.write_bytes(made.stdout)

    def _until(self, name: str, true: Callable[[], bool]) -> None:
        late_s = time.monotonic() + HANG_S
        while not true():
            if self._running[name].poll() is not None or time.monotonic() > late_s:
                raise TowerError(
                    f"{name} does not start: {(self._folder / name / 'log').read_text()[-1000:]}"
                )
            time.sleep(0.05)


def _python(module: str, name: str, given: tuple[object, ...]) -> list[str]:
    return [sys.executable, "-c", _RUN.format(root=str(_ROOT), module=module, name=name, given=given)]


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
