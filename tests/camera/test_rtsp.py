"""RTSP: over UDP against a real server, and why a login is refused."""

import socket
import subprocess
import threading
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from edge.camera.address import open_source, options_for
from edge.camera.challenge import explain
from edge.camera.nal import NalUnits
from edge.errors import CameraError
from firmware_sim.serve import SYSTEM_PYTHON
from tests.camera.conftest import opened, session

HANG_S = 300.0  # ends a hang; a server on a busy machine answers sooner


def udp_ports() -> set[int]:
    """The UDP ports of this machine's loopback that are bound now."""
    rows = Path("/proc/net/udp").read_text().splitlines()[1:]
    return {int(row.split()[1].partition(":")[2], 16) for row in rows}


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_pictures_come_over_the_transport_that_is_asked_for(served, transport):
    before = udp_ports()
    source = opened(served.rtsp, transport=transport, timeout_s=HANG_S)
    pixels = [source.read().to_rgb() for _ in range(3)][-1]
    bound = udp_ports() - before
    source.close()
    assert np.allclose(pixels[8, 8], (220, 20, 20), atol=30)
    assert (len(bound) >= 2) is (transport == "udp")  # RTP's and RTCP's


def write_track(path: Path, size_px: tuple[int, int], red: int, aspect: Fraction, *, mirrored: bool) -> Path:
    """Write ten seconds whose H.264 itself states the aspect and that it is mirrored; red at the top left."""
    nal = NalUnits.of("h264", None)
    pixels = np.full((*size_px, 3), 90, np.uint8)
    pixels[: size_px[0] // 2, : size_px[1] // 2] = (red, 20, 20)
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("libx264", rate=5)
        stream.height, stream.width, stream.pix_fmt = *size_px, "yuv420p"
        stream.codec_context.sample_aspect_ratio = aspect
        stream.options = {"bf": "0", "g": "5"}
        frames = (av.VideoFrame.from_ndarray(pixels, format="rgb24") for _ in range(50))
        for packet in (packet for frame in (*frames, None) for packet in stream.encode(frame)):
            message = [b"\x06\x2f\x03\x40\x00\x09\x80"] * mirrored  # as in test_orientation
            units = [
                one for unit in nal.split(bytes(packet)) for one in (*message * nal.is_slice(unit), unit)
            ]
            sent: Any = av.Packet(nal.join(units))
            sent.pts, sent.dts, sent.time_base = packet.pts, packet.dts, packet.time_base
            sent.is_keyframe, sent.stream = packet.is_keyframe, stream
            container.mux(sent)
    return path


def test_aspect_mirror_and_the_best_of_several_tracks_come_over_rtsp(tmp_path):
    write_track(tmp_path / "0.mkv", (64, 96), 120, Fraction(1), mirrored=False)
    write_track(tmp_path / "1.mkv", (96, 128), 220, Fraction(16, 11), mirrored=True)
    tracks = "".join(
        f" filesrc location={tmp_path}/{number}.mkv ! matroskademux ! queue"
        f" ! rtph264pay name=pay{number} pt={96 + number} config-interval=-1"
        for number in range(2)
    )
    server = subprocess.Popen(
        (str(SYSTEM_PYTHON), "-I", str(Path(__file__).with_name("rtsp_file.py")), f"({tracks} )"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        source = opened(f"rtsp://127.0.0.1:{int(server.stdout.readline())}/x", timeout_s=HANG_S)
        picture = source.read()
        source.close()
    finally:
        server.communicate()
    pixels = picture.to_rgb()
    assert picture.size_px == pixels.shape[:2] == (96, 186)
    assert np.allclose(pixels[8, -8], (220, 20, 20), atol=30)
    assert np.allclose(pixels[8, 8], 90, atol=30)
    stretched = "stretched from 128x96 to 186x96 px, for its pixels are 16:11 and mirrored"
    assert picture.geometry == f"{stretched}; of video track 2 of 2"


DIGEST = 'Digest realm="cam", nonce="1f3e"'


@pytest.fixture
def refusing():
    """Start RTSP servers that answer every request with 401 and these challenges."""
    listeners: list[socket.socket] = []

    def start(*challenges: str) -> int:
        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                threading.Thread(target=answer, args=(connection,), daemon=True).start()

        def answer(connection: socket.socket) -> None:
            with connection, connection.makefile("rb") as lines:
                number = b"0"
                for line in lines:
                    if line.lower().startswith(b"cseq:"):
                        number = line.split()[1]
                    if line == b"\r\n":
                        asked = "".join(f"WWW-Authenticate: {one}\r\n" for one in challenges)
                        head = f"RTSP/1.0 401 Unauthorized\r\nCSeq: {number.decode()}\r\n{asked}\r\n"
                        connection.sendall(head.encode())

        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)
        threading.Thread(target=serve, daemon=True).start()
        return listener.getsockname()[1]

    yield start
    for one in listeners:
        one.close()


@pytest.mark.parametrize(
    ("challenges", "given", "said"),
    [
        ((DIGEST,), False, "it asks for a login: set `user` and `password_file`"),
        ((DIGEST,), True, "it refuses the login: check `user` and `password_file`"),
        (('Basic realm="cam"',), True, "it refuses the login"),
        ((f'{DIGEST}, algorithm=MD5-sess, qop="auth"',), True, "it refuses the login"),
        ((f"{DIGEST}, algorithm=SHA-256",), True, "a login by Digest with SHA-256, which is not supported"),
        (
            (f'{DIGEST}, algorithm="SHA-512-256"',),
            True,
            "a login by Digest with SHA-512-256, which is not supported",
        ),
        ((f'{DIGEST}, qop="auth-int"',), True, "Digest for auth-int, which is not supported"),
        ((f"{DIGEST}, algorithm=md5",), True, "Digest with md5, which is not supported"),
        # FFmpeg takes the last Digest, and Basic only where there is none
        ((f"{DIGEST}, algorithm=SHA-256", DIGEST), True, "it refuses the login"),
        ((DIGEST, f"{DIGEST}, algorithm=SHA-256"), True, "a login by Digest with SHA-256, which"),
        (
            ('Basic realm="cam"', f"{DIGEST}, algorithm=SHA-256"),
            True,
            "a login by Digest with SHA-256, which",
        ),
        (
            (f"{DIGEST}, algorithm=SHA-256", 'Basic realm="cam"'),
            True,
            "a login by Digest with SHA-256, which",
        ),
        (('Bearer realm="cam"', 'Basic realm="cam"'), True, "it refuses the login"),
        (('Negotiate, Basic realm="cam"',), True, "a login by Negotiate or Basic, which is not supported"),
        (('Bearer realm="cam"',), True, "a login by Bearer, which is not supported"),
    ],
)
def test_a_refused_login_says_why(refusing, challenges, given, said):
    uri = f"rtsp://127.0.0.1:{refusing(*challenges)}/hunter3"
    options = (
        options_for(uri, user="viewer", timeout_s=HANG_S) if given else options_for(uri, timeout_s=HANG_S)
    )
    with pytest.raises(CameraError) as caught:
        open_source(options, session(password="hunter2" if given else None))
    assert said in str(caught.value)
    assert "401 Unauthorized" in str(caught.value)
    assert "hunter" not in str(caught.value)


def test_a_user_who_is_named_as_a_key_finds_the_advice_whole(refusing):
    options = options_for(f"rtsp://127.0.0.1:{refusing(DIGEST)}/x", user="user", timeout_s=HANG_S)
    with pytest.raises(CameraError, match="check `user` and `password_file`"):
        open_source(options, session(password="user"))


def test_a_camera_that_does_not_say_how_it_wants_a_login():
    assert explain([], given=True) == "it refuses the login: check `user` and `password_file`"
