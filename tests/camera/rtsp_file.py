"""An RTSP server of GStreamer, under the system's Python: it sends a pipeline as it was asked for, until stdin ends."""

import os
import sys
import tempfile
import threading


def main(pipeline: str) -> None:
    """Print the port once it listens."""
    import gi  # noqa: PLC0415 - only the system's Python has it

    gi.require_version("Gst", "1.0")
    gi.require_version("GstRtspServer", "1.0")
    from gi.repository import GLib, Gst, GstRtspServer  # noqa: PLC0415

    with tempfile.TemporaryDirectory(prefix="firetower-") as folder:
        os.environ["GST_REGISTRY"] = f"{folder}/registry"
        Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service("0")
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(pipeline)
    server.get_mount_points().add_factory("/x", factory)
    server.attach(None)
    print(server.get_bound_port(), flush=True)
    threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
    GLib.MainLoop().run()


if __name__ == "__main__":
    main(sys.argv[1])
