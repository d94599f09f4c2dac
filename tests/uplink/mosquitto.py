"""A real mosquitto, who listens at it, and a way to it that can be cut and muted."""

import contextlib
import dataclasses
import shutil
import socket
import subprocess
import threading
import time
from pathlib import Path

import pytest
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from tests.uplink.road import HANG_S


def wait(condition) -> None:
    end_s = time.monotonic() + HANG_S
    while not condition():
        assert time.monotonic() < end_s
        time.sleep(0.005)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


class Mosquitto:
    """A broker on loopback that can be killed and started again on its port.

    Args:
        folder: for its files.
        lines: of its configuration, on top; without `listener` it takes anybody.
    """

    def __init__(self, folder: Path, *lines: str) -> None:
        self.port = free_port()
        self._program = shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin")
        if self._program is None:
            pytest.fail("needs mosquitto: apt-get install mosquitto")
        self._file = folder / f"mosquitto-{self.port}.conf"
        self._log = folder / f"mosquitto-{self.port}.log"
        said = [f"listener {self.port} 127.0.0.1", *lines, "log_type all", "user root"]
        if not any(line.startswith(("allow_anonymous", "password_file")) for line in lines):
            said.append("allow_anonymous true")
        self._file.write_text("\n".join(said) + "\n")
        self._process: subprocess.Popen | None = None
        self.start()

    @property
    def log(self) -> str:
        return self._log.read_text()

    def start(self) -> None:
        with self._log.open("a") as log:
            self._process = subprocess.Popen([self._program, "-c", self._file], stderr=log, stdout=log)
        wait(self._answers)  # it listens before it has read all of its files
        wait(lambda: self._process.poll() is not None or " running" in self.log)
        assert self._process.poll() is None, self.log

    def _answers(self) -> bool:
        assert self._process.poll() is None, self.log
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


@dataclasses.dataclass(frozen=True)
class Got:
    """A message as somebody else gets it."""

    topic: str
    body: bytes
    retained: bool
    qos: int
    content_type: str | None
    attributes: dict[str, str]
    expires_s: int | None
    correlation: bytes | None

    @property
    def key(self) -> str:
        return self.attributes.get("id", "")


class Listener:
    """Somebody at the broker, in a thread of paho's, who comes back by himself.

    Attributes:
        got: what came so far.
    """

    def __init__(self, port: int, *topics: str) -> None:
        self.got: list[Got] = []
        self._topics = topics
        self._listening, self._deaf = threading.Event(), threading.Event()
        self._client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
        self._client.reconnect_delay_set(0.05, 0.05)
        self._client.on_connect = lambda client, *_: [client.subscribe(topic, qos=1) for topic in topics]
        self._client.on_subscribe = lambda *_: self._listening.set()
        self._client.on_disconnect = lambda *_: (self._listening.clear(), self._deaf.set())
        self._client.on_unsubscribe = lambda *_: self._deaf.set()
        self._client.on_message = self._keep
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        if topics:
            self.wait_until_it_listens()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self._topics and self._listening.is_set():  # so that the broker knows of it before the test goes on
            self._client.unsubscribe(list(self._topics))
            assert self._deaf.wait(HANG_S)
        self._client.disconnect()
        self._client.loop_stop()

    def wait_until_it_listens(self) -> None:
        assert self._listening.wait(HANG_S)

    def keys(self) -> list[str]:
        return [one.key for one in self.got if one.key]

    def on(self, topic: str) -> list[Got]:
        return [one for one in self.got if one.topic == topic]

    def publish(self, topic: str, body: bytes, answer: str | None = None, correlation: bytes = b"") -> None:
        properties = Properties(PacketTypes.PUBLISH)
        if answer is not None:
            properties.ResponseTopic = answer
            properties.CorrelationData = correlation
        self._client.publish(topic, body, qos=1, properties=properties).wait_for_publish(HANG_S)

    def _keep(self, _client, _data, message: MQTTMessage) -> None:
        said = vars(message.properties)
        self.got.append(
            Got(
                message.topic,
                bytes(message.payload),
                message.retain,
                message.qos,
                said.get("ContentType"),
                dict(said.get("UserProperty", [])),
                said.get("MessageExpiryInterval"),
                said.get("CorrelationData"),
            )
        )


class Proxy:
    """A way to a port, which can be cut, and muted: then answers are swallowed, and what is sent arrives.

    Attributes:
        port: its own.
        muted: while set, nothing comes back.
    """

    def __init__(self, target: int) -> None:
        self.muted = threading.Event()
        self._target = target
        self._ends: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        while self._ends:
            end = self._ends.pop()
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                try:
                    far = socket.create_connection(("127.0.0.1", self._target))
                except OSError:
                    near.close()
                    continue
                self._ends += [near, far]
                there = threading.Thread(target=self._pump, args=(near, far), daemon=True)
                there.start()
                threading.Thread(target=self._pump, args=(far, near, there), daemon=True).start()

    def _pump(self, start: socket.socket, end: socket.socket, other: threading.Thread | None = None) -> None:
        with contextlib.suppress(OSError):
            while data := start.recv(1 << 16):
                if other is None or not self.muted.is_set():
                    end.sendall(data)
        for one in (start, end):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        if other is not None:
            other.join()
            start.close()
            end.close()
