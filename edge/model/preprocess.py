"""From a frame's pixels to the model's input tensor: one implementation for the device and the host.

An image is fitted bit-identically on x86-64 and arm64: golden tests hold on both.
Quantization goes through a table of 256 entries a channel and is exact; where that table is the identity
or only flips the sign bit, a copy or one XOR does it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.errors import FrameError
from edge.image import Image, RgbImage
from edge.model.manifest import Manifest, TensorSpec
from edge.model.runtime import Tensor

PADDING = 128  # mid grey, in the frame's own values, around a letterboxed frame
_SIGN_BIT = 0x80
_KEPT_PLACEMENTS = 16


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a frame of `source_px` lies in the model's input.

    Attributes:
        source_px: (height, width) of the frame.
        input_px: (height, width) of the model's input.
        content_px: (y0, x0, y1, x1) of the frame within the input, ends excluded; padding is outside.
    """

    source_px: tuple[int, int]
    input_px: tuple[int, int]
    content_px: tuple[int, int, int, int]

    def to_source(self, x: float, y: float) -> tuple[float, float]:
        """Map a point of the input, in pixels, to (x, y) in pixels of the frame, kept within it."""
        y0, x0, y1, x1 = self.content_px
        height, width = self.source_px
        source_x, source_y = (x - x0) * width / (x1 - x0), (y - y0) * height / (y1 - y0)
        return min(max(source_x, 0.0), float(width)), min(max(source_y, 0.0), float(height))

    def to_input(self, x: float, y: float) -> tuple[float, float]:
        """Map a point of the frame, in pixels, to (x, y) in pixels of the input."""
        y0, x0, y1, x1 = self.content_px
        height, width = self.source_px
        return x0 + x * (x1 - x0) / width, y0 + y * (y1 - y0) / height

    def cell_box(self, cells: tuple[int, int, int, int], stride_px: float) -> tuple[int, int, int, int]:
        """Map (row0, col0, row1, col1), ends excluded, to (x0, y0, x1, y1) in whole pixels of the frame."""
        row0, col0, row1, col1 = cells
        x0, y0 = self.to_source(col0 * stride_px, row0 * stride_px)
        x1, y1 = self.to_source(col1 * stride_px, row1 * stride_px)
        return int(x0), int(y0), int(np.ceil(x1)), int(np.ceil(y1))

    def map_box(self, shape: tuple[int, int], stride_px: float) -> tuple[int, int, int, int]:
        """Return where a map of (rows, cols) lies, (x0, y0, x1, y1) in whole pixels of the frame, padding outside."""
        y0, x0, y1, x1 = self.content_px
        (height, width), (rows, cols) = self.source_px, shape
        across, down = width / (x1 - x0), height / (y1 - y0)
        right, bottom = (cols * stride_px - x0) * across, (rows * stride_px - y0) * down
        return round(-x0 * across), round(-y0 * down), round(right), round(bottom)

    def inside(self, shape: tuple[int, int], stride_px: float) -> NDArray[np.bool_]:
        """Return (rows, cols): which cells have their centre on the frame, not on padding."""
        y0, x0, y1, x1 = self.content_px
        y, x = ((np.arange(count) + 0.5) * stride_px for count in shape)
        result: NDArray[np.bool_] = ((y >= y0) & (y < y1))[:, None] & ((x >= x0) & (x < x1))[None, :]
        return result


@dataclass(frozen=True, slots=True)
class Prepared:
    """A frame fitted to the model's size, ready to be written once into a backend's input buffer.

    Attributes:
        write: fills a buffer of the tensor's shape and dtype; valid until the next frame is prepared.
        placement: maps cells back to pixels of the frame.
    """

    write: Callable[[Tensor], None]
    placement: Placement


def place(source_px: tuple[int, int], input_px: tuple[int, int], *, letterbox: bool) -> Placement:
    """Centre a frame in the model's input, in whole pixels; a letterboxed side is at least one pixel wide."""
    (source_h, source_w), (height, width) = source_px, input_px
    content_h, content_w = height, width
    if letterbox and source_h * width > source_w * height:
        content_w = max(1, (2 * source_w * height + source_h) // (2 * source_h))
    elif letterbox:
        content_h = max(1, (2 * source_h * width + source_w) // (2 * source_w))
    y0, x0 = (height - content_h) // 2, (width - content_w) // 2
    return Placement(source_px, input_px, (y0, x0, y0 + content_h, x0 + content_w))


def input_table(manifest: Manifest, frame: TensorSpec) -> NDArray[Any]:
    """Return (256, 3): what the tensor holds for each pixel value, a column per channel in its own order.

    real = (pixel / 255 − mean) / std; if quantized, round-half-even(real / scale) + zero_point, clipped.
    """
    mean, std = np.array(manifest.normalisation.mean), np.array(manifest.normalisation.std)
    real = (np.arange(256, dtype=np.float64)[:, None] / 255 - mean) / std
    if frame.dtype == "float32":
        return np.asarray(real, np.float32)
    assert frame.scale is not None  # the manifest was checked
    assert frame.zero_point is not None
    limit = np.iinfo(frame.dtype)
    stored = (np.rint(real / frame.scale) + frame.zero_point).clip(limit.min, limit.max)
    return np.asarray(stored, frame.dtype)


class Preprocess:
    """Fits frames to one model file's input; keeps its buffers, so one instance serves one thread."""

    def __init__(self, manifest: Manifest, frame: TensorSpec) -> None:
        self._nchw = frame.layout == "NCHW"
        self._shape = frame.shape
        self.input_px = (frame.shape[2], frame.shape[3]) if self._nchw else (frame.shape[1], frame.shape[2])
        self._letterbox = manifest.fit == "letterbox"
        self._bgr = manifest.colour_order == "BGR"
        table = input_table(manifest, frame)
        self._dtype = table.dtype
        stored = table.view(np.uint8) if table.dtype != np.float32 else None
        pixel = np.arange(256, dtype=np.uint8)[:, None]
        self._same = stored is not None and bool((stored == pixel).all())
        self._flipped = stored is not None and bool((stored == pixel ^ _SIGN_BIT).all())
        alike = bool((table == table[:, :1]).all())
        self._table = np.ascontiguousarray((table[:, :1] if alike else table)[:, None, :])
        if stored is not None:
            self._table = self._table.view(np.uint8)
        self._canvas = np.full((*self.input_px, 3), PADDING, np.uint8)
        self._filled: Placement | None = None
        self._swapped = np.empty_like(self._canvas) if self._bgr else None
        self._rows = np.empty((*self.input_px, 3), self._table.dtype) if self._nchw else None
        self._placements: dict[tuple[int, int], Placement] = {}

    def __call__(self, pixels: NDArray[np.uint8]) -> Prepared:
        """Fit a frame to the model's size.

        Args:
            pixels: (H, W, 3) uint8 RGB of any size; not changed.
        Raises:
            FrameError: wrong rank, dtype or an empty picture.
        """
        return self.fit(RgbImage(pixels))

    def fit(self, image: Image) -> Prepared:
        """Fit a frame to the model's size.

        Args:
            image: of any size.
        """
        placement = self._place(image.size_px)
        fitted = self._fit(image, placement)
        return Prepared(lambda tensor: self._write(fitted, tensor), placement)

    def _place(self, source_px: tuple[int, int]) -> Placement:
        if source_px not in self._placements:
            if len(self._placements) >= _KEPT_PLACEMENTS:
                self._placements.clear()
            self._placements[source_px] = place(source_px, self.input_px, letterbox=self._letterbox)
        return self._placements[source_px]

    def _fit(self, image: Image, placement: Placement) -> NDArray[np.uint8]:
        y0, x0, y1, x1 = placement.content_px
        resized = image.fitted((y1 - y0, x1 - x0))
        if resized.shape[:2] == self.input_px:
            return resized
        if placement != self._filled:
            self._canvas.fill(PADDING)
            self._filled = placement
        self._canvas[y0:y1, x0:x1] = resized
        return self._canvas

    def _write(self, pixels: NDArray[np.uint8], tensor: Tensor) -> None:
        if tensor.shape != self._shape or tensor.dtype != self._dtype:
            raise FrameError(
                f"the buffer is {tensor.shape} {tensor.dtype}, expected {self._shape} {self._dtype}"
            )
        stored = tensor[0] if self._dtype == np.float32 else tensor[0].view(np.uint8)
        if self._swapped is not None:
            pixels = _into(self._swapped, cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR, dst=self._swapped))
        if self._rows is None:
            self._convert(pixels, stored)
            return
        self._convert(pixels, self._rows)
        for channel in range(3):
            _into(stored[channel], cv2.extractChannel(self._rows, channel, dst=stored[channel]))

    def _convert(self, pixels: NDArray[np.uint8], out: NDArray[Any]) -> None:
        if self._flipped:
            np.bitwise_xor(pixels, _SIGN_BIT, out=out)
        elif self._same:
            np.copyto(out, pixels)
        else:
            _into(out, cv2.LUT(pixels, self._table, dst=out))


def _into(buffer: NDArray[Any], result: Any) -> NDArray[Any]:  # noqa: ANN401 — an OpenCV array
    """Make sure that OpenCV wrote into `buffer`: it silently takes another where that one does not fit."""
    if result is not buffer:
        np.copyto(buffer, result.reshape(buffer.shape))
    return buffer
