"""Is a camera of its own, and opens it under each of the addresses given (`PORT` stands for its port).

The last line is JSON: the `Host` of each request that came.
"""

import json
import socket
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import ClassVar

import cv2
import numpy as np

from edge.camera.address import open_source, options_for
from edge.camera.source import Session
from edge.clock import SystemClock


class Camera(BaseHTTPRequestHandler):
    hosts: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.hosts.append(self.headers["Host"])
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=b")
        self.end_headers()
        jpeg = cv2.imencode(".jpg", np.full((64, 96, 3), 120, np.uint8))[1].tobytes()
        part = b"--b\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%s\r\n" % (len(jpeg), jpeg)
        self.wfile.write(part * 50)


class Server(ThreadingHTTPServer):
    address_family = socket.AF_INET6  # and IPv4
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: viewers come and go."""


def main() -> None:
    server = Server(("::", 0), Camera)
    Thread(target=server.serve_forever, daemon=True).start()
    for address in sys.argv[1:]:
        uri = address.replace("PORT", str(server.server_port))
        source = open_source(options_for(uri, timeout_s=60), Session(SystemClock()))
        assert source.read() is not None
        source.close()
    print(json.dumps([host.replace(str(server.server_port), "PORT") for host in Camera.hosts]))


if __name__ == "__main__":
    main()
