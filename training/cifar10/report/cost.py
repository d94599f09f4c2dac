"""What quantization costs and brings, alone and with distillation, and how far times can be believed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from training.cifar10.report.form import FORMS, Expected
from training.cifar10.report.record import Line, Result
from training.cifar10.report.summary import lines_of, whole_of
from training.cifar10.report.timing import Latency

SPREAD_MAX, BUSY_LOAD = 0.2, 1.5  # the benchmark itself is one busy process


@dataclass(frozen=True, slots=True)
class Saved:
    """One line against the FP32 networks of its seeds.

    Attributes:
        lost: accuracy; a share.
        smaller, faster: times; None where nothing ran.
    """

    line: Line
    title: str
    lost: float
    smaller: float
    faster: float | None
    expected: Expected


@dataclass(frozen=True, slots=True)
class Span:
    """From the least to the most."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Students:
    """One form of all students: accuracy lost (a share), times smaller and faster."""

    title: str
    lost: Span
    smaller: Span
    faster: Span | None


@dataclass(frozen=True, slots=True)
class Effect:
    """How many times smaller or faster: both together, by the network alone, by INT8 alone."""

    together: float
    network: float
    int8: float

    @property
    def product(self) -> float:
        """What it would be if the two effects multiplied."""
        return self.network * self.int8


@dataclass(frozen=True, slots=True)
class Both:
    """An FP32 teacher beside an INT8 student; `gain` is the difference in accuracy, a share."""

    teacher: str
    student: str
    size: Effect
    speed: Effect | None
    gain: float


@dataclass(frozen=True, slots=True)
class Doubt:
    """What makes times rough: the widest spread of a file's processes, the highest load; None if unknown."""

    spread: float
    load: float | None

    @property
    def wide(self) -> bool:
        """Whether the processes of one file differ by much."""
        return self.spread > SPREAD_MAX

    @property
    def busy(self) -> bool:
        """Whether something else ran."""
        return self.load is not None and self.load > BUSY_LOAD

    @property
    def rough(self) -> bool:
        """Whether times say little more than their order."""
        return self.wide or self.busy


def saved(result: Result) -> list[Saved]:
    """Set each quantized line beside its FP32 networks."""
    found = []
    for line in result.summary:
        whole = whole_of(result, line)
        if line.form == "fp32" or whole is None:
            continue
        facts = FORMS[line.form]
        smaller, faster = whole.size_bytes / line.size_bytes, _ratio(whole.latency_ms, line.latency_ms)
        lost = whole.accuracy - line.accuracy
        found.append(Saved(line, facts.title, lost, smaller, faster, facts.expected))
    return found


def students(rows: Sequence[Saved]) -> list[Students]:
    """Return the students' rows by form."""
    forms: dict[str, list[Saved]] = {}
    for row in rows:
        if row.line.role == "student":
            forms.setdefault(row.title, []).append(row)
    return [_students(title, some) for title, some in forms.items()]


def _students(title: str, rows: Sequence[Saved]) -> Students:
    faster = [row.faster for row in rows if row.faster is not None]
    lost, smaller = span([row.lost for row in rows]), span([row.smaller for row in rows])
    return Students(title, lost, smaller, span(faster) if faster else None)


def span(values: Sequence[float]) -> Span:
    """Return the least and the most."""
    return Span(min(values), max(values))


def _ratio(before: float | None, after: float | None) -> float | None:
    return None if before is None or after is None else before / after


def both(result: Result) -> list[Both]:
    """Set each FP32 teacher beside each INT8 QAT student."""
    teachers = dict.fromkeys(line.group for line in result.summary if line.role == "teacher")
    pairs = dict.fromkeys(line.group for line in result.summary if line.role == "student")
    found = [_both(result, teacher, pair) for teacher in teachers for pair in pairs]
    return [one for one in found if one is not None]


def _both(result: Result, group: str, pair: str) -> Both | None:
    """Return the two beside each other; None where a form of them was not measured."""
    of_teacher, of_student = lines_of(result, "teacher", group), lines_of(result, "student", pair)
    if not ({"fp32", "int8-ptq"} <= of_teacher.keys() and {"fp32", "int8-qat"} <= of_student.keys()):
        return None
    teacher, small_teacher = of_teacher["fp32"], of_teacher["int8-ptq"]
    student, small_student = of_student["fp32"], of_student["int8-qat"]
    bytes_ = [line.size_bytes for line in (teacher, small_teacher, student, small_student)]
    times = [line.latency_ms for line in (teacher, small_teacher, student, small_student)]
    known = [time for time in times if time is not None]
    speed = _effect(*known) if len(known) == len(times) else None
    return Both(group, pair, _effect(*bytes_), speed, small_student.accuracy - teacher.accuracy)


def _effect(teacher: float, small_teacher: float, student: float, small_student: float) -> Effect:
    return Effect(teacher / small_student, teacher / student, teacher / small_teacher)


def multiplied(effects: Sequence[Effect]) -> Span:
    """Say how far what was found is from the product of the two effects, times."""
    return span([effect.together / effect.product for effect in effects])


def doubt(latency: Latency) -> Doubt:
    """Return what makes times rough."""
    files = latency.files.values()
    loads = [float(load) for file in files for load in file.load_1 if load is not None]
    return Doubt(max((file.spread for file in files), default=0.0), max(loads, default=None))
