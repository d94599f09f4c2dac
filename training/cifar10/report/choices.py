"""The report's sections on what was chosen: methods of post-training quantization, bits a layer."""

from __future__ import annotations

import math
from typing import Any

from training.cifar10.report.form import MIXED_BUDGET
from training.cifar10.report.words import percent, section, table

_CALIBRATION = """Calibration: ONNX Runtime's methods for the ranges of activations, in fake quantization; the best is
used for every row of the pair."""
_WEIGHTS = """Weights: ai-edge-quantizer's methods for their scales, in the TFLite file, with the chosen ranges; the
files keep `min_max_uniform_quantize`, the one that ONNX shares, so that both files are one network."""
_SENSITIVITY = f"""What one layer's weights cost at 4 and at 2 bits, all else at 8 (post-training), on the validation
split, and the bits that the mixed-precision choice gave it: the cheapest added cross entropy for each bit saved,
until {MIXED_BUDGET} of it are spent. `blocks.6.convs.1` is the second convolution of the seventh block, `downsample`
the one on its skip."""


def choices(result: dict[str, Any]) -> list[str]:
    """Return the sections; what does not apply is empty."""
    return [_ptq(result), *(_sensitivity(result, name) for name in result["sensitivity"])]


def _ptq(result: dict[str, Any]) -> str:
    rows = [
        (name, kind, method, percent(share), "chosen" if method == found["chosen"] else "")
        for name, found in result["ptq"].items()
        for kind in ("calibration", "weights")
        for method, share in found.get(kind, {}).items()
    ]
    title, head = (
        "Post-training quantization: what the quantizers offer",
        ("pair", "of", "method", "validation", ""),
    )
    if not rows:
        return ""
    judged = "Accuracy on the validation split, of the pair's sibling" + _error(result)
    weights = _WEIGHTS if any(kind == "weights" for _, kind, *_ in rows) else ""
    return section(title, f"{judged}. {_CALIBRATION} {weights}".strip(), table(head, rows))


def _error(result: dict[str, Any]) -> str:
    """Say how far chance alone moves such an accuracy."""
    count = result["images"]["validation"]["count"]
    if not count:
        return ""
    shares = [max(found["calibration"].values()) for found in result["ptq"].values()]
    error = max(math.sqrt(share * (1 - share) / count) for share in shares)
    return f"; with {count:,} images one standard error is about {100 * error:.1f} points: less is not told apart"


def _sensitivity(result: dict[str, Any], pair: str) -> str:
    found = result["sensitivity"][pair]
    rows = [
        (
            row["layer"],
            f"{row['weights']:,}",
            *(f"{100 * row[bits]['accuracy_cost']:+.2f}" for bits in ("int4", "int2")),
            *(f"{row[bits]['loss_cost']:+.4f}" for bits in ("int4", "int2")),
            _bits(result, pair, row["layer"]),
        )
        for row in found["layers"]
    ]
    head = ("layer", "weights", "points, 4 bits", "2 bits", "cross entropy, 4 bits", "2 bits", "chosen bits")
    return section(f"Sensitivity: {pair}, on {found['network']}", _SENSITIVITY, table(head, rows))


def _bits(result: dict[str, Any], pair: str, layer: str) -> str:
    mixed = [row for row in result["rows"] if row["form"] == "mixed" and row["group"] == pair]
    return str(mixed[0]["bits"][layer]) if mixed else "–"
