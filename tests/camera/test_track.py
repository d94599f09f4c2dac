"""Which video of several is shown."""

from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.stream import Disposition

from edge.camera.container import video_stream
from tests.camera.conftest import opened

SMALL, LARGE = (64, 96), (96, 160)
PLAIN = Disposition(0)


def write(path: Path, *videos: tuple[tuple[int, int], Disposition, int], codec: str = "mpeg4") -> Path:
    """Write videos of sizes, marks and numbers of pictures; each is as bright as its place says."""
    with av.open(str(path), "w") as container:
        streams: list[Any] = []
        for size_px, mark, _ in videos:
            stream: Any = container.add_stream("mjpeg" if mark & Disposition.attached_pic else codec, rate=5)
            stream.height, stream.width = size_px
            stream.pix_fmt = "yuvj420p" if stream.name == "mjpeg" else "yuv420p"
            stream.disposition = mark
            streams.append(stream)
        for place, (stream, (size_px, _, frames)) in enumerate(zip(streams, videos, strict=True)):
            for _ in range(frames):
                pixels = np.full((*size_px, 3), 60 + 80 * place, np.uint8)
                container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
            container.mux(stream.encode(None))
    return path


def shown(path: Path) -> tuple[int, str]:
    """Which of the videos comes, and its place in the file by what is said of it."""
    source = opened(str(path))
    pictures = []
    while (picture := source.read()) is not None:
        pictures.append(picture)
    source.close()
    places = {round((float(picture.to_rgb().mean()) - 60) / 80) for picture in pictures}
    assert len(places) == 1
    return places.pop(), pictures[0].geometry


@pytest.mark.parametrize(
    ("name", "videos", "best"),
    [
        ("larger.ts", [(SMALL, PLAIN, 9), (LARGE, PLAIN, 9)], 1),
        ("first.ts", [(LARGE, PLAIN, 9), (SMALL, PLAIN, 9)], 0),
        ("alike.ts", [(SMALL, PLAIN, 9), (SMALL, PLAIN, 9)], 0),
        ("default.mkv", [(LARGE, PLAIN, 9), (SMALL, Disposition.default, 9)], 1),
        ("default.mp4", [(LARGE, PLAIN, 9), (SMALL, Disposition.default, 9)], 1),
        ("cover.mp4", [(LARGE, Disposition.attached_pic, 1), (SMALL, PLAIN, 9)], 1),
        ("one.mkv", [(SMALL, PLAIN, 9)], 0),
    ],
)
def test_of_several_videos_the_best_is_shown(tmp_path, name, videos, best):
    path = write(tmp_path / name, *videos)
    place, geometry = shown(path)
    assert place == best
    with av.open(str(path)) as container:
        track = container.streams.video.index(
            video_stream(container)
        )  # a cover comes last, wherever it was written
    assert geometry == (f"of video track {track + 1} of {len(videos)}" if track else "")


def test_a_container_of_a_cover_alone_shows_it(tmp_path):
    assert shown(write(tmp_path / "cover.mp4", (SMALL, Disposition.attached_pic, 1)))[0] == 0
