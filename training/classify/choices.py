"""The report's sections on what was chosen: methods of post-training quantization, bits a layer."""

from __future__ import annotations

from typing import Any

from training.classify.words import percent, section, table

_PTQ = """Accuracy on the validation split, of the pair's sibling; with 5,000 images one standard error is about 0.4
points, so that these methods are not told from each other. Calibration: ONNX Runtime's methods for the ranges of
activations, in fake quantization; the best is used for every row of the pair. Weights: ai-edge-quantizer's methods
for their scales, in the TFLite file, with the chosen ranges; the files keep `min_max_uniform_quantize`, the one that
ONNX shares, so that both files are one network."""
_SENSITIVITY = """What one layer's weights cost at 4 and at 2 bits, all else at 8 (post-training), on the validation
split, and the bits that the mixed-precision choice gave it: the cheapest added cross entropy for each bit saved,
until 0.02 of it are spent. `blocks.6.convs.1` is the second convolution of the seventh block, `downsample` the one on
its skip."""


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
    return section(title, _PTQ, table(head, rows)) if rows else ""


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
