"""GStreamer's RTSP server as a process of its own, under the system's Python: raw pictures in, H.264 out.

Started by `firmware_sim.serve`, imports nothing of this project. The argument is JSON:
`{"port": 0, "cameras": [{"name": "north", "width": 640, "height": 480, "fps": 5, "slices": 1, "faulty": false}]}`.
On stdin come messages of one byte (which camera) and one I420 picture of its size, or of three bytes: 255, which
camera (a faulty one), and what its stream does from now on (`cut`, `damaged` or `well` by its first letter). The end
of stdin, thus the parent's end, ends this process. On stdout goes one line of JSON: `{"port": 8554}` when it is
ready, or `{"error": "…"}`.
"""
# ruff: noqa: ANN401 - GStreamer's objects have no types

from __future__ import annotations

import json
import os
import sys
import tempfile
import threading
from typing import Any, BinaryIO

ELEMENTS = {
    "appsrc": "gstreamer1.0-plugins-base",
    "x264enc": "gstreamer1.0-plugins-ugly",
    "rtph264pay": "gstreamer1.0-plugins-good",
    "breakmydata": "gstreamer1.0-plugins-good",
    "rtpbin": "gstreamer1.0-plugins-good",
}
_KEYFRAME_S = 2
_BROKEN_BYTES = 0.003  # of a damaged stream
_ORDER = 255


class Mount:
    """One camera of the server: hands each picture to every pipeline that is playing it."""

    def __init__(self, gst: Any, server: Any, camera: dict[str, Any], factory: Any) -> None:
        self._path = f"/{camera['name']}"
        self._faulty = camera["faulty"]
        self._server, self._factory = server, factory
        self._breakers: list[Any] = []
        self._clients: list[Any] = []
        self._state = "w"
        self.size_bytes = camera["width"] * camera["height"] * 3 // 2
        self._gst = gst
        self._lock = threading.Lock()
        self._sources: list[Any] = []
        factory.set_launch(_pipeline(camera))
        factory.set_shared(True)
        factory.connect("media-configure", self._configure)
        server.get_mount_points().add_factory(self._path, factory)
        if self._faulty:
            server.connect("client-connected", self._connected)

    def push(self, picture: bytes) -> None:
        """Hand one picture over; a pipeline that is too slow loses it."""
        with self._lock:
            for source in self._sources:
                source.emit("push-buffer", self._gst.Buffer.new_wrapped(picture))

    def become(self, state: str) -> bool:
        """Cut the stream (`c`), damage its packets (`d`), or let it be well (`w`); in the main loop's thread."""
        was, self._state = self._state, state
        mounts = self._server.get_mount_points()
        if state == "c" and was != "c":
            mounts.remove_factory(self._path)
            for client in self._clients:
                client.close()
            self._clients.clear()
        elif was == "c" and state != "c":
            mounts.add_factory(self._path, self._factory)
        with self._lock:
            for breaker in self._breakers:
                breaker.set_property("probability", _BROKEN_BYTES if state == "d" else 0.0)
        return False  # GLib: once

    def _connected(self, _server: Any, client: Any) -> None:
        client.connect("describe-request", self._described)
        client.connect("closed", self._left)

    def _described(self, client: Any, context: Any) -> None:
        if context.uri.abspath == self._path:
            self._clients.append(client)

    def _left(self, client: Any) -> None:
        if client in self._clients:
            self._clients.remove(client)

    def _configure(self, _factory: Any, media: Any) -> None:
        source = media.get_element().get_by_name("source")
        breaker = media.get_element().get_by_name("breaker") if self._faulty else None
        if breaker is not None:
            breaker.set_property("probability", _BROKEN_BYTES if self._state == "d" else 0.0)
        with self._lock:
            self._sources.append(source)
            if breaker is not None:
                self._breakers.append(breaker)
        media.connect("unprepared", lambda _media: self._forget(source, breaker))

    def _forget(self, source: Any, breaker: Any) -> None:
        with self._lock:
            if source in self._sources:
                self._sources.remove(source)
            if breaker in self._breakers:
                self._breakers.remove(breaker)


def _pipeline(camera: dict[str, Any]) -> str:
    width, height, fps = camera["width"], camera["height"], camera["fps"]
    caps = f"video/x-raw,format=I420,width={width},height={height},framerate={round(fps * 1000)}/1000"
    keyframes = max(1, round(fps * _KEYFRAME_S))
    slices = camera["slices"]
    sets = 1 if slices == 1 else -1  # seconds between parameter sets; -1 is before each slice of a keyframe
    breaker = " ! breakmydata name=breaker probability=0" if camera["faulty"] else ""
    return (
        "( appsrc name=source is-live=true do-timestamp=true format=time leaky-type=downstream max-buffers=2"
        f' caps="{caps}" ! x264enc tune=zerolatency speed-preset=veryfast threads={slices} pass=quant quantizer=24'
        f" key-int-max={keyframes}{breaker}"
        f" ! rtph264pay name=pay0 pt=96 config-interval={sets} )"
    )


def _load() -> tuple[Any, Any, Any]:
    """Import GStreamer and see that it is whole; an ImportError names the Debian packages that miss."""
    try:
        import gi  # noqa: PLC0415 - only the system's Python has it

        gi.require_version("Gst", "1.0")
        gi.require_version("GstRtspServer", "1.0")
        from gi.repository import GLib, Gst, GstRtspServer  # noqa: PLC0415
    except (ImportError, ValueError) as error:
        raise ImportError(f"{error}: apt-get install python3-gi gir1.2-gst-rtsp-server-1.0") from error
    with tempfile.TemporaryDirectory(prefix="firetower-") as folder:
        os.environ["GST_REGISTRY"] = f"{folder}/registry"  # else it keeps one in the user's cache
        Gst.init(None)
    missing = {package for element, package in ELEMENTS.items() if Gst.ElementFactory.find(element) is None}
    if missing:
        raise ImportError(f"GStreamer lacks elements: apt-get install {' '.join(sorted(missing))}")
    return GLib, Gst, GstRtspServer


def _feed(mounts: list[Mount], pictures: BinaryIO, glib: Any) -> None:
    """Pass pictures and orders on until the parent is gone; then end the process at once, whoever still looks."""
    while head := pictures.read(1):
        if head[0] == _ORDER:
            order = pictures.read(2)
            if len(order) == 2:
                glib.idle_add(mounts[order[0]].become, chr(order[1]))
            continue
        picture = pictures.read(mounts[head[0]].size_bytes)
        if len(picture) < mounts[head[0]].size_bytes:
            break
        mounts[head[0]].push(picture)
    os._exit(0)


def main(argument: str) -> int:
    """Serve until stdin ends; return 1 when it cannot start."""
    wanted = json.loads(argument)
    try:
        glib, gst, rtsp = _load()
    except ImportError as error:
        print(json.dumps({"error": str(error)}), flush=True)
        return 1
    server = rtsp.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(str(wanted["port"]))
    mounts = [Mount(gst, server, camera, rtsp.RTSPMediaFactory()) for camera in wanted["cameras"]]
    if server.attach(None) == 0:
        print(
            json.dumps({"error": f"cannot listen on 127.0.0.1:{wanted['port']}; is it in use?"}), flush=True
        )
        return 1
    threading.Thread(target=_feed, args=(mounts, sys.stdin.buffer, glib), daemon=True).start()
    print(json.dumps({"port": server.get_bound_port()}), flush=True)
    glib.MainLoop().run()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
