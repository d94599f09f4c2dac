"""How the report writes forms and figures."""

from __future__ import annotations

from typing import Any

FORM_NAMES = {
    "fp32": "FP32",
    "int8-ptq": "INT8 PTQ",
    "int8-qat": "INT8 QAT",
    "int4": "INT4 weights, QAT",
    "int4-litert": "INT4 weights, QAT, as INT4 in LiteRT",
    "int2": "INT2 weights, QAT",
    "mixed": "8/4/2-bit weights by sensitivity, QAT",
}


def accuracy(line: dict[str, Any]) -> str:
    """Write a line's mean and spread."""
    sd = "" if line["accuracy_sd"] is None else f" ± {100 * line['accuracy_sd']:.2f}"
    return f"{100 * line['accuracy']:.2f}{sd} %"


def percent(share: float | None) -> str:
    """Write a share; a dash for none."""
    return "–" if share is None else f"{100 * share:.2f} %"


def number(value: float | None, form: str, unit: str = "") -> str:
    """Write a value; nothing for none."""
    return "" if value is None else f"{value:{form}}{unit}"


def probability(p: float | None) -> str:
    """Write a p-value; a dash for none."""
    return "–" if p is None else f"{p:.3f}" if p >= 0.001 else "< 0.001"
