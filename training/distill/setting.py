"""What a recipe may say of training and distillation; an experiment's own recipe is made of these tables."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

Positive = Annotated[int, msgspec.Meta(ge=1)]
Count = Annotated[int, msgspec.Meta(ge=0)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Above = Annotated[float, msgspec.Meta(gt=0)]
Decay = Annotated[float, msgspec.Meta(ge=0, lt=1)]


class Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the file; an unknown key is an error with its path."""


class MuonSettings(Record, frozen=True, kw_only=True):
    """How hidden kernels are moved where not by SGD; see training/distill/optimizer.py.

    Attributes:
        learning_rate: its peak.
        weight_decay: decoupled, so the share of a kernel that a step at the peak takes is `learning_rate` times it.
        iterations: of Newton and Schulz, which make the update nearly orthogonal.
    """

    learning_rate: Above = 0.1
    weight_decay: Decay = 0.03
    momentum: Annotated[float, msgspec.Meta(ge=0, lt=1)] = 0.95
    iterations: Annotated[int, msgspec.Meta(ge=1, le=10)] = 3


class Training(Record, frozen=True, kw_only=True):
    """How one network is trained: SGD with Nesterov momentum in one triangular cycle, hidden kernels perhaps by Muon.

    Attributes:
        batch: images a step, over all processes together.
        learning_rate, momentum, weight_decay: of SGD; the decay of kernels alone, not of batch norm or biases.
        muon: moves the hidden kernels; None leaves them to SGD, as QAT always does.
        warm_up: the share of steps until the peak of the learning rates; then they fall to zero.
        smoothing: of the labels.
        shift_px, cutout_px: augmentation.
        small_px, small_share: the side of images in the first share of the epochs; batches are cheaper so. None: whole.
        ema_decay: a step; the network that is kept is the exponential average of its parameters.
    """

    epochs: Positive
    batch: Positive = 256
    learning_rate: Above = 0.4
    warm_up: Share = 0.2
    momentum: Share = 0.9
    weight_decay: Decay = 5e-4
    muon: MuonSettings | None = None
    smoothing: Share = 0.1
    shift_px: Count = 0
    cutout_px: Count = 0
    small_px: Positive | None = None
    small_share: Share = 0.0
    ema_decay: Share = 0.99


class Distillation(Record, frozen=True, kw_only=True):
    """The student's loss; see training/distill/loss.py.

    Attributes:
        target_weight, other_weight: of DKD's two parts (its α and β).
    """

    loss: Literal["kd", "dkd"] = "kd"
    temperature: Above = 4.0
    alpha: Share = 0.7
    target_weight: float = 1.0
    other_weight: float = 8.0
