"""The forms in which a network is judged: what each is called, how it runs, what was expected of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Form = Literal["fp32", "int8-ptq", "int8-qat", "int4", "int4-litert", "int2", "mixed"]


@dataclass(frozen=True, slots=True)
class Expected:
    """What the founding document expected: times smaller, times faster, points of accuracy lost; in its words."""

    smaller: str | None = None
    faster: str | None = None
    lost: str | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a form beforehand.

    Attributes:
        title: in tables.
        marker: in plots, matplotlib's.
        expected: by the founding document.
        simulated: it runs as fake quantization in torch, there is no file.
        low_bits: some weights have fewer than 8 bits.
        compared: students are tested against their baselines in it; each seed of each pair has it.
    """

    title: str
    marker: str
    expected: Expected = Expected()
    simulated: bool = False
    low_bits: bool = False
    compared: bool = False


_INT8 = Expected("4×", "2 to 4×", "below 1")
_INT4 = Expected("8×", lost="1 to 5")
_INT2 = Expected("16×", lost="5 to 15")

FORMS: dict[Form, Facts] = {
    "fp32": Facts("FP32", "s", compared=True),
    "int8-ptq": Facts("INT8 PTQ", "o", _INT8, compared=True),
    "int8-qat": Facts("INT8 QAT", "v", _INT8, compared=True),
    "int4": Facts("INT4 weights, QAT", "D", _INT4, simulated=True, low_bits=True),
    "int4-litert": Facts("INT4 weights, QAT, as INT4 in LiteRT", "^", _INT4, low_bits=True),
    "int2": Facts("INT2 weights, QAT", "P", _INT2, simulated=True, low_bits=True),
    "mixed": Facts("8/4/2-bit weights by sensitivity, QAT", "x", simulated=True, low_bits=True),
}

MIXED_BUDGET = 0.02  # added cross entropy that the mixed-precision choice may spend on the validation split
