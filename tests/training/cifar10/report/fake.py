"""Results of every shape, made by hand."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from training.cifar10.recipe import Pair, Quantization, Recipe, Teacher, Training
from training.cifar10.report.aim import AIMS
from training.cifar10.report.form import FORMS, Form
from training.cifar10.report.origin import (
    Continued,
    Ensemble,
    Epoch,
    Images,
    Machine,
    Made,
    Network,
    NetworkSettings,
    Splits,
    Teachers,
)
from training.cifar10.report.record import (
    SCHEMA,
    Agreement,
    Comparison,
    Cost,
    Judged,
    Layer,
    Mcnemar,
    Ptq,
    Result,
    Role,
    Row,
    Sensitivity,
)
from training.cifar10.report.significance import paired
from training.cifar10.report.summary import summarise
from training.cifar10.report.timing import Bench, Energy, Latency, Protocol, Replay, Timed
from training.distill.setting import Distillation
from training.network.shape import Stem

MACHINE = Machine(processor="a processor", cores=4, system="Linux", python="3.11.7")
MADE = Made(commit="0" * 40, date="2026-01-01T00:00:00+00:00", machine=MACHINE)
LATER = msgspec.structs.replace(MADE, date="2026-01-02T00:00:00+00:00")
PAIR = "small"
AGREEMENT = {"teacher": 0.997, "student": 0.998, "baseline": 0.999}


@dataclass(frozen=True)
class Shape:
    """What a result has."""

    seeds: int = 1
    teacher: bool = False
    low_bits: bool = False
    timed: bool = False
    rough: bool = False
    powered: bool = False
    replay: bool = False
    validation: bool = False
    aim: float | None = None
    dkd: bool = False
    stem: Stem = "strided"
    muon: bool = False
    note: str = ""
    gain: float = 0.01
    p: float = 0.5


def make(shape: Shape) -> Result:
    """Return a result of that shape, true in itself."""
    recipe = _recipe(shape)
    rows = tuple(_rows(shape))
    forms = [form for form, facts in FORMS.items() if facts.compared]
    return Result(
        schema=SCHEMA,
        date="2026-01-03T00:00:00+00:00",
        commit=None,
        commits=("0" * 40,),
        machine=MACHINE,
        packages={"torch": "2"},
        command="python -m training cifar10 --recipe fake",
        recipe=recipe,
        images=Splits(
            training=Images(count=512, sha256="a"),
            validation=Images(count=256 if shape.validation else 0, sha256="b"),
            test=Images(count=300, sha256="c"),
        ),
        ensemble=Ensemble(
            members=(f"baseline-{PAIR}-0",),
            split="training",
            shift_px=4,
            shape=(2, 512, 10),
            training_accuracy_of_view_0=0.9,
            made=MADE,
        ),
        teachers=Teachers(
            members=(f"baseline-{PAIR}-0",) if shape.validation else (),
            validation_accuracy=0.8 if shape.validation else None,
            with_each={"teacher-wise": 0.81} if shape.validation and shape.teacher else {},
            made=MADE,
        ),
        siblings={PAIR: f"student-{PAIR}-0"},
        energy=Energy(
            source="modelled:busy-core" if shape.powered else "unavailable",
            watts_per_busy_core=5 if shape.powered else None,
        ),
        training=dict(_networks(shape, recipe)),
        qat={f"qat8-student-{PAIR}-0": Continued(history=(), validation_accuracy=None, bits={}, made=MADE)},
        rows=rows,
        latency=_latency(shape) if shape.timed else None,
        tests=tuple(_comparison(shape, form) for form in forms),
        sensitivity={PAIR: _sensitivity()} if shape.low_bits else {},
        ptq={
            PAIR: Ptq(
                network=f"student-{PAIR}-0",
                calibration={"minmax": 0.7, "entropy": 0.6},
                chosen="minmax",
                weights={"MSE": 0.7} if shape.low_bits else {},
            )
        },
        replay=Replay(name=f"student-{PAIR}-0-int8-qat", frames=300, accuracy=0.9, made=LATER)
        if shape.replay
        else None,
        aims=AIMS,
        summary=summarise(rows),
    )


def _recipe(shape: Shape) -> Recipe:
    training: dict[str, Any] = {"epochs": 2, "cutout_px": 0, "muon": {} if shape.muon else None}
    return Recipe(
        name="fake",
        members=(f"{PAIR}/0",),
        teachers={
            "wise": Teacher(network="resnet18", stem="full", training=msgspec.convert(training, Training))
        }
        if shape.teacher
        else {},
        pairs={
            PAIR: Pair(
                network="resnet10-narrow",
                stem=shape.stem,
                training=msgspec.convert(training, Training),
                seeds=tuple(range(shape.seeds)),
                aim=shape.aim,
                quantization=Quantization(low_bit_seeds=int(shape.low_bits)),
            )
        },
        distillation=Distillation(loss="dkd" if shape.dkd else "kd"),
        note=shape.note,
    )


def _networks(shape: Shape, recipe: Recipe) -> Iterator[tuple[str, Network]]:
    def network(stem: Stem, training: Training, seed: int, *, distilled: bool = False) -> Network:
        accuracy = 0.7 if shape.validation else None
        return Network(
            settings=NetworkSettings(
                network="resnet10-narrow",
                stem=stem,
                seed=seed,
                training=training,
                distilled=distilled,
                split="training",
            ),
            history=tuple(
                Epoch(epoch=number, loss=1.0, validation_accuracy=accuracy, duration_s=1.0)
                for number in (1, 2)
            ),
            parameters=10,
            validation_accuracy=accuracy,
            made=MADE,
        )

    for name, one in recipe.teachers.items():
        yield f"teacher-{name}", network(one.stem, one.training, 0)
    pair = recipe.pairs[PAIR]
    for seed in pair.seeds:
        yield f"baseline-{PAIR}-{seed}", network(pair.stem, pair.training, seed)
        yield f"student-{PAIR}-{seed}", network(pair.stem, pair.training, seed, distilled=True)


def _rows(shape: Shape) -> Iterator[Row]:
    untrained: list[Form] = ["fp32", "int8-ptq"]
    low: list[Form] = ["int4", "int4-litert", "int2"]
    pair: list[Role] = ["baseline", "student"]
    if shape.teacher:
        for form in untrained:
            yield _row(shape, "teacher", "wise", 0, form)
    for seed in range(shape.seeds):
        for role in pair:
            forms: list[Form] = [*untrained, "int8-qat"]
            if shape.low_bits and seed == 0:
                forms += low
                forms += ["mixed"] if role == "student" else []
            for form in forms:
                yield _row(shape, role, PAIR, seed, form)


def _row(shape: Shape, role: Role, group: str, seed: int, form: Form) -> Row:
    simulated = FORMS[form].simulated
    accuracy = 0.9 + seed / 1000 + (shape.gain if role == "student" else 0)
    timed = shape.timed and not simulated
    return Row(
        role=role,
        group=group,
        seed=seed,
        form=form,
        ran="simulated" if simulated else "file",
        bits={"stem": 8, "fc": 8},
        macs=1_000_000,
        weights=1000,
        size_bytes=4000 if form == "fp32" else 1000,
        accuracy={"torch" if simulated else "litert": accuracy},
        test_accuracy=accuracy,
        agreement=Agreement(predictions=AGREEMENT[role], logits_max=0.1, logits_mean=0.01)
        if form.startswith("int8")
        else None,
        latency_ms=(8.0 if form == "fp32" else 2.0) if timed else None,
        energy_j=0.01 if timed and shape.powered else None,
        energy_source="modelled:busy-core" if timed and shape.powered else None,
        made=LATER,
    )


def _comparison(shape: Shape, form: Form) -> Comparison:
    gain = [shape.gain + seed / 10_000 for seed in range(shape.seeds)]
    found = paired([0.9] * shape.seeds, [0.9 + one for one in gain])
    if found is not None:
        found = msgspec.structs.replace(found, p=shape.p)
    tests = tuple(Mcnemar(gained=9, lost=5, p=shape.p) for _ in gain)
    return Comparison(pair=PAIR, form=form, gain=tuple(gain), mcnemar=tests, paired=found)


def _latency(shape: Shape) -> Latency:
    timed = Timed(
        invoke_ns=((1, 2), (1, 2)),
        load_1=("2.5" if shape.rough else "0.2", None),
        rss_peak_bytes=(1, 2),
        median_ms=1.0,
        spread=0.3 if shape.rough else 0.1,
    )
    return Latency(
        machine=Bench(architecture="aarch64", board="a board"),
        protocol=Protocol(rounds=2, runs=2, warmup=1, backend="litert", threads=1, batch=1),
        files={"digest": timed},
        made=LATER,
    )


def _sensitivity() -> Sensitivity:
    cost = Cost(accuracy_cost=0.01, loss_cost=0.001)
    layers = tuple(Layer(layer=name, weights=500, int4=cost, int2=cost) for name in ("stem", "fc"))
    return Sensitivity(
        network=f"student-{PAIR}-0",
        loss_budget=0.02,
        int8=Judged(accuracy=0.9, loss=0.3),
        layers=layers,
        made=MADE,
    )
