"""Augmentation of whole batches: a seeded pool of flipped and shifted views an image, cutout on top.

A view is a function of (seed, image, view number) alone, so that a teacher's logits of it can be computed once.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from training.distill.images import Scale


@dataclass(frozen=True, slots=True)
class Views:
    """A pool of K views for each of N images.

    Attributes:
        flipped: (K, N) bool; alternates from view to view, from a random start for each image.
        shift: (K, N, 2) int64, down and right, in pixels.
    """

    flipped: Tensor
    shift: Tensor

    def __len__(self) -> int:
        return len(self.flipped)


def pool(images: int, views: int, shift_px: int, seed: int) -> Views:
    """Draw a pool; the first views do not depend on how many follow.

    Source: alternating flip, Jordan 2024 (arXiv:2404.00498), section 3.6.
    """
    generator = torch.Generator().manual_seed(seed)
    start = torch.randint(0, 2, (images,), generator=generator).bool()
    shift = [torch.randint(-shift_px, shift_px + 1, (images, 2), generator=generator) for _ in range(views)]
    odd = (torch.arange(views) % 2).bool()
    return Views(start ^ odd[:, None], torch.stack(shift))


def apply(pixels: Tensor, flipped: Tensor, shift: Tensor) -> Tensor:
    """Shift with reflected borders, then flip.

    Args:
        pixels: (B, 3, side, side) uint8.
        flipped: (B,) bool.
        shift: (B, 2) int64.

    Returns:
        Like `pixels`, channels last.
    """
    side_px = pixels.shape[-1]
    side = torch.arange(side_px, device=pixels.device)
    rows = _reflect(side + shift[:, :1], side_px)
    cols = _reflect(torch.where(flipped[:, None], side_px - 1 - side, side) + shift[:, 1:], side_px)
    batch = torch.arange(len(pixels), device=pixels.device)[:, None, None]
    nhwc = pixels.permute(0, 2, 3, 1)[batch, rows[:, :, None], cols[:, None, :]]
    return nhwc.permute(0, 3, 1, 2)


def _reflect(index: Tensor, side_px: int) -> Tensor:
    index = index.abs()
    return torch.where(index >= side_px, 2 * (side_px - 1) - index, index)


def cutout(pixels: Tensor, side_px: int, grey: int, generator: torch.Generator) -> Tensor:
    """Paint one square of an image with one value, its centre anywhere in the image.

    Source: DeVries & Taylor 2017 (arXiv:1708.04552).
    """
    if side_px == 0:
        return pixels
    whole_px = pixels.shape[-1]
    centre = torch.randint(0, whole_px, (2, len(pixels), 1), generator=generator).to(pixels.device)
    side = torch.arange(whole_px, device=pixels.device)
    inside = (side - centre + side_px // 2 >= 0) & (side - centre + side_px // 2 < side_px)  # (2, B, side)
    square = inside[0][:, None, :, None] & inside[1][:, None, None, :]
    return pixels.masked_fill(square, grey)


def normalise(pixels: Tensor, scale: Scale, side_px: int | None = None) -> Tensor:
    """Turn (B, 3, side, side) uint8 into what the network reads: float32, by the scale, channels last.

    Args:
        pixels: with a zero of 128, INT8 with scale 1 / unit and zero point 0 is the pixel with its sign bit flipped.
        scale: of the network.
        side_px: height and width of the result; the images' own if absent.
    """
    real = (pixels.float() - scale.zero) / scale.unit
    if side_px not in {None, pixels.shape[-1]}:
        real = functional.interpolate(
            real, size=side_px, mode="bilinear", antialias=True, align_corners=False
        )
    return real.contiguous(memory_format=torch.channels_last)
