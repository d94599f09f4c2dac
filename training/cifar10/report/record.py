"""The result file: every figure and every raw value of one run of a recipe, as typed records.

Units are in the names: `_ms`, `_ns`, `_s`, `_j`, `_bytes`, `_points` (percentage points). What is called accuracy, gain
or share lies between 0 and 1, a loss is in nats, None is unknown.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from training.cifar10.recipe import Recipe
from training.cifar10.report.form import Form
from training.cifar10.report.origin import (
    Continued,
    Ensemble,
    Machine,
    Made,
    Network,
    Record,
    Splits,
    Teachers,
)
from training.cifar10.report.timing import Energy, Latency, Replay

SCHEMA = "firetower.cifar10/2.0"

Role = Literal["teacher", "baseline", "student"]
Ran = Literal["file", "simulated"]


class Agreement(Record, frozen=True, kw_only=True):
    """A TFLite file beside its ONNX twin: the share of equal predictions, how far logits are apart."""

    predictions: float
    logits_max: float
    logits_mean: float


class Row(Record, frozen=True, kw_only=True):
    """One network in one form.

    Attributes:
        group: the teacher's or the pair's name.
        calibration: the method whose ranges it has; None where it was trained to have others, or is FP32.
        ran: as a file in the edge runtime, or simulated in torch.
        bundle: digest of the bundle that ran.
        bits: of the weights, by layer; None is 32-bit float.
        macs: multiply-accumulates of one image.
        weights: how many there are.
        size_bytes: of the TFLite file, or of the packed weights of what is simulated.
        file_bytes, gzip_bytes: by file.
        accuracy: on test, by runtime; `test_accuracy` is LiteRT's or torch's.
        hits: which test images were right, a bit each in their order (the first is the highest of its byte), base64.
        latency_ms: of one image, median.
        energy_j: of one image; `energy_source` says how it is known.
        files: digests by name.
    """

    role: Role
    group: str
    seed: int
    form: Form
    calibration: str | None = None
    ran: Ran
    bundle: str | None = None
    bits: dict[str, int | None]
    macs: int
    weights: int
    size_bytes: int = msgspec.field(name="bytes")
    file_bytes: dict[str, int] = msgspec.field(default_factory=dict)
    gzip_bytes: dict[str, int] = msgspec.field(default_factory=dict)
    accuracy: dict[str, float]
    test_accuracy: float
    agreement: Agreement | None = None
    hits: str | None = None
    latency_ms: float | None = None
    energy_j: float | None = msgspec.field(default=None, name="joules")
    energy_source: str | None = msgspec.field(default=None, name="joules_source")
    files: dict[str, str] = msgspec.field(default_factory=dict)
    made: Made


class Line(Record, frozen=True, kw_only=True):
    """The rows of one role, group and form: means over their seeds.

    Attributes:
        accuracy_sd: standard deviation of the sample; None for one seed.
        agreement: the lowest share of equal predictions of TFLite and ONNX.
    """

    role: Role
    group: str
    form: Form
    ran: Ran
    seeds: int
    accuracy: float
    accuracy_sd: float | None
    size_bytes: int = msgspec.field(name="bytes")
    macs: int
    latency_ms: float | None
    energy_j: float | None = msgspec.field(name="joules")
    agreement: float | None


class Mcnemar(Record, frozen=True, kw_only=True):
    """The exact McNemar test: images that only the second network got right, that only the first did, and p."""

    gained: int
    lost: int
    p: float


class Paired(Record, frozen=True, kw_only=True):
    """Student's paired t-test: mean gain, its 95 % interval and p; None for these where all gains are equal."""

    gain: float
    low: float | None
    high: float | None
    p: float | None


class Comparison(Record, frozen=True, kw_only=True):
    """A pair's students against its baselines in one form; `gain` and `mcnemar` by seed, `paired` None for one seed."""

    pair: str
    form: Form
    gain: tuple[float, ...]
    mcnemar: tuple[Mcnemar, ...]
    paired: Paired | None


class Cost(Record, frozen=True, kw_only=True):
    """What fewer bits of one layer cost on the validation split."""

    accuracy_cost: float
    loss_cost: float


class Layer(Record, frozen=True, kw_only=True):
    """One layer, all others at 8 bits."""

    layer: str
    weights: int
    int4: Cost
    int2: Cost


class Judged(Record, frozen=True, kw_only=True):
    """Accuracy and loss on the validation split."""

    accuracy: float
    loss: float


class Sensitivity(Record, frozen=True, kw_only=True):
    """What each layer of a network costs at fewer bits; `loss_budget` is what the mixed choice was allowed to add."""

    network: str
    loss_budget: float
    int8: Judged
    layers: tuple[Layer, ...]
    made: Made


class Ptq(Record, frozen=True, kw_only=True):
    """Accuracy on the validation split of each calibration method, and of each weight method where they were tried."""

    network: str
    calibration: dict[str, float]
    chosen: str
    weights: dict[str, float] = msgspec.field(default_factory=dict)


class Aims(Record, frozen=True, kw_only=True):
    """What the project aimed at for students of pairs whose recipe states an aim of accuracy.

    Attributes:
        loss_max_points: accuracy that a form may cost.
        agreement_min: share of equal predictions of TFLite and ONNX.
    """

    loss_max_points: dict[Form, float]
    size_max_bytes: int
    agreement_min: float


class Result(Record, frozen=True, kw_only=True):
    """The whole file.

    Attributes:
        commits: of all steps; a step without one is `unrecorded`.
        command: without the folders of its machine.
        training: networks by name.
        siblings: by pair, the network on which its choices were made.
        qat: trained on with fake quantization, by name.
        sensitivity, ptq: by pair.
    """

    schema: str
    date: str
    commit: str | None
    commits: tuple[str, ...]
    machine: Machine
    packages: dict[str, str]
    command: str
    recipe: Recipe
    images: Splits
    ensemble: Ensemble
    teachers: Teachers
    siblings: dict[str, str]
    energy: Energy
    training: dict[str, Network]
    qat: dict[str, Continued]
    rows: tuple[Row, ...]
    latency: Latency | None
    tests: tuple[Comparison, ...]
    sensitivity: dict[str, Sensitivity]
    ptq: dict[str, Ptq]
    replay: Replay | None
    aims: Aims
    summary: tuple[Line, ...]
