"""The smoke student: a frozen backbone, a slow background of its features as state, and a small head.

One pure function (frame, state) → (scores, state'). The convolutions run in INT8; the state's arithmetic stays in
float32, because a moving average kept in INT8 stalls.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from training.network.lite0 import Backbone

FRAME_PX = (480, 640)
CELL_PX = 16
GRID = (FRAME_PX[0] // CELL_PX, FRAME_PX[1] // CELL_PX)
POOLED_CHANNELS = (32, 16, 24, 40)
POOL = (8, 8, 4, 2)  # from each feature's stride to the cell's
FEATURES = sum(POOLED_CHANNELS)

BACKGROUND_RATE = 1 / 15  # of the moving average, per scored frame
WARM_UP_GAIN = 5.0  # the difference is faded in while the background is young
SCORE_RATE = 0.5  # of the average over frames
SIGMA_LIMIT = 6.0  # normalised features are clamped here, which fixes their INT8 range
STATE_NAMES = ("background", "recent", "weight", "score", "score_weight")


def pool(features: tuple[Tensor, ...]) -> Tensor:
    """Average the backbone's features over each cell: → (N, 112, rows, cols)."""
    return torch.cat([functional.avg_pool2d(f, k) for f, k in zip(features, POOL, strict=True)], dim=1)


class Head(nn.Module):
    """From projected features and their difference to a background to one logit a cell.

    Trained on cached pooled features: the projection is linear, so it commutes with the background's average.
    """

    scale: Tensor

    def __init__(self, scale: Tensor, channels: int = 48, width: int = 64) -> None:
        super().__init__()
        self.channels = channels
        self.register_buffer("scale", scale.view(1, -1, 1, 1))
        self.project = nn.Conv2d(FEATURES, channels, 1, bias=False)
        self.norm_frame = nn.BatchNorm2d(channels, affine=False)
        self.norm_difference = nn.BatchNorm2d(channels, affine=False)
        self.mix = nn.Conv2d(2 * channels, width, 1)
        self.spread = nn.Conv2d(width, width, 5, padding=2, groups=width)
        self.drop = nn.Dropout2d(0.1)
        self.out = nn.Conv2d(width, 1, 1)
        assert self.out.bias is not None
        nn.init.constant_(self.out.bias, -3.0)

    def forward(self, features: Tensor, difference: Tensor) -> Tensor:
        """(N, 112, rows, cols) twice → (N, 1, rows, cols) logits."""
        frame = self.norm_frame(self.project(features / self.scale))
        change = self.norm_difference(self.project(difference / self.scale))
        return self.classify(torch.cat([frame, change], dim=1).clamp(-SIGMA_LIMIT, SIGMA_LIMIT))

    def classify(self, normalised: Tensor) -> Tensor:
        """(N, 2·channels, rows, cols) normalised → (N, 1, rows, cols) logits."""
        x = functional.relu(self.mix(normalised))
        logits: Tensor = self.out(self.drop(functional.relu(self.spread(x))))
        return logits


class Student(nn.Module):
    """What is exported: NHWC frame in 0..1 and five state tensors in, scores and five state tensors out."""

    frame_gain: Tensor
    frame_shift: Tensor
    change_gain: Tensor
    change_shift: Tensor

    def __init__(self, backbone: Backbone, head: Head) -> None:
        super().__init__()
        self.backbone = backbone
        self.patches = nn.ModuleList(_patch_projections(head))
        self.head = head
        self.identity = nn.Conv2d(1, 1, 1, bias=False)  # quantizes the smoothed scores on their way out
        nn.init.constant_(self.identity.weight, 1.0)
        for name, norm in (("frame", head.norm_frame), ("change", head.norm_difference)):
            mean, variance = norm.running_mean, norm.running_var
            assert mean is not None
            assert variance is not None
            gain = 1 / torch.sqrt(variance + norm.eps)
            self.register_buffer(f"{name}_gain", gain.clone())
            self.register_buffer(f"{name}_shift", (-mean * gain).clone())
        self.eval().requires_grad_(requires_grad=False)

    def project(self, frame: Tensor) -> Tensor:
        """(1, H, W, 3) → (1, rows, cols, C): pooling and projection are one strided convolution a feature."""
        features = self.backbone(frame.permute(0, 3, 1, 2))
        first, *others = (patch(f) for patch, f in zip(self.patches, features, strict=True))
        for other in others:
            first = first + other
        projected: Tensor = first.permute(0, 2, 3, 1)
        return projected

    def forward(
        self,
        frame: Tensor,
        background: Tensor,
        recent: Tensor,
        weight: Tensor,
        score: Tensor,
        score_weight: Tensor,
    ) -> tuple[Tensor, ...]:
        """One frame; everything is NHWC, as both runtimes take it.

        Args:
            frame: (1, 480, 640, 3) RGB in 0..1.
            background: (1, 30, 40, C) decayed sum of features, lagging two frames; `weight` (1, 1, 1, 1) is its mass.
            recent: (1, 30, 40, 2 · C), the projected features of the last frame and of the one before it.
            weight: see `background`.
            score: (1, 30, 40, 1), the decayed sum of logits.
            score_weight: (1, 1, 1, 1), its mass.

        Returns:
            (1, 30, 40, 1) smoothed logits, and the five state tensors for the next frame.
        """
        features = self.project(frame)
        last, before_last = torch.split(recent, self.head.channels, dim=3)
        # An empty slot has no mass: two frames were scored once the scores' mass is ¾.
        seen = functional.relu6((score_weight - 0.6) * 1e3) / 6
        background = background * (1 - BACKGROUND_RATE) + before_last * (BACKGROUND_RATE * seen)
        weight = weight * (1 - BACKGROUND_RATE) + BACKGROUND_RATE * seen
        mean = background / torch.clamp(weight, min=1e-6)
        change = (features - mean) * torch.clamp(weight * WARM_UP_GAIN, max=1.0)
        normalised = torch.cat(
            [features * self.frame_gain + self.frame_shift, change * self.change_gain + self.change_shift],
            dim=3,
        )
        normalised = torch.clamp(normalised, -SIGMA_LIMIT, SIGMA_LIMIT).permute(0, 3, 1, 2)
        logits = functional.avg_pool2d(self.head.classify(normalised), 3, 1, 1, count_include_pad=False)
        score = score * (1 - SCORE_RATE) + logits.permute(0, 2, 3, 1) * SCORE_RATE
        score_weight = score_weight * (1 - SCORE_RATE) + SCORE_RATE
        scores = self.identity((score / score_weight).permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        return scores, background, torch.cat([features, last], dim=3), weight, score, score_weight


def state_shapes(channels: int) -> dict[str, tuple[int, ...]]:
    """Return the NHWC shapes of the state tensors, by name, in the order of `forward`."""
    grid, one = (1, *GRID, channels), (1, 1, 1, 1)
    shapes = (grid, (1, *GRID, 2 * channels), one, (1, *GRID, 1), one)
    return dict(zip(STATE_NAMES, shapes, strict=True))


def zero_state(channels: int) -> tuple[Tensor, ...]:
    """Return the state of a camera that has seen nothing."""
    return tuple(torch.zeros(shape) for shape in state_shapes(channels).values())


def _patch_projections(head: Head) -> list[nn.Conv2d]:
    """Fold scale, projection and average pooling into one k×k convolution of stride k for each feature."""
    weight = (head.project.weight / head.scale).detach()  # (channels, 112, 1, 1)
    patches = []
    for part, size in zip(torch.split(weight, list(POOLED_CHANNELS), dim=1), POOL, strict=True):
        patch = nn.Conv2d(part.shape[1], head.channels, size, size, bias=False)
        patch.weight.data = part.expand(-1, -1, size, size).clone() / size**2
        patches.append(patch)
    return patches
