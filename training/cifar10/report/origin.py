"""The first half of a result file: images, networks and what they were made with.

Durations are in seconds, accuracies and other shares between 0 and 1; None is unknown.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from training.cifar10.recipe import Training

Split = Literal["training", "all"]


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """A table of the file; what a later minor version adds is passed over."""


class Machine(Record, frozen=True, kw_only=True):
    """What a step ran on.

    Attributes:
        accelerator: name of the GPU; None without one.
    """

    processor: str
    cores: int | None
    system: str
    python: str
    torch: str | None = None
    accelerator: str | None = None


class Made(Record, frozen=True, kw_only=True):
    """What made a step.

    Attributes:
        commit: 40 digits, with `-dirty` where there were changes; None outside a checkout.
        date: when it was done, ISO 8601 with its offset.
    """

    commit: str | None
    date: str
    machine: Machine


class Images(Record, frozen=True, kw_only=True):
    """One split: how many images, and the digest of pixels and labels."""

    count: int
    sha256: str


class Splits(Record, frozen=True, kw_only=True):
    """The images; `validation` is held out of training and may be empty."""

    training: Images
    validation: Images
    test: Images


class Epoch(Record, frozen=True, kw_only=True):
    """One round of training: mean loss in nats, accuracy of the averaged parameters on the validation split."""

    epoch: int
    loss: float
    validation_accuracy: float | None
    duration_s: float = msgspec.field(name="seconds")


class NetworkSettings(Record, frozen=True, kw_only=True):
    """What was trained.

    Attributes:
        distilled: it learned from the ensemble, too.
        split: what it trained on; `all` is with the validation split.
    """

    network: str
    stem: Literal["full", "strided"]
    seed: int
    training: Training
    distilled: bool
    split: Split


class Network(Record, frozen=True, kw_only=True):
    """A trained network.

    Attributes:
        validation_accuracy: None where it has seen the validation split, or there is none.
        rounded: what was done to the parameters after training, where they were carried to another machine.
        files: digests by name.
    """

    settings: NetworkSettings
    history: tuple[Epoch, ...]
    parameters: int
    validation_accuracy: float | None
    processes: int | None = None
    compiled: bool | None = None
    precision: str | None = None
    rounded: str | None = None
    files: dict[str, str] = msgspec.field(default_factory=dict)
    made: Made | None = None


class Continued(Record, frozen=True, kw_only=True):
    """A network that was trained on with fake quantization (QAT); `bits` by layer."""

    history: tuple[Epoch, ...]
    validation_accuracy: float | None
    bits: dict[str, int]
    files: dict[str, str] = msgspec.field(default_factory=dict)
    made: Made


class Ensemble(Record, frozen=True, kw_only=True):
    """What teaches: the mean of its members' logits.

    Attributes:
        shape: views, images, classes.
        training_accuracy_of_view_0: of the mean, on the images of the first view.
    """

    members: tuple[str, ...]
    split: Split
    shift_px: int
    shape: tuple[int, int, int]
    training_accuracy_of_view_0: float
    files: dict[str, str] = msgspec.field(default_factory=dict)
    made: Made


class Teachers(Record, frozen=True, kw_only=True):
    """The ensemble on the validation split.

    Attributes:
        members: those that have not seen it.
        validation_accuracy: theirs together; None where there is no such member.
        with_each: what it would be with one more teacher, by the name of that one.
    """

    members: tuple[str, ...]
    validation_accuracy: float | None
    with_each: dict[str, float] = msgspec.field(name="with")
    made: Made
