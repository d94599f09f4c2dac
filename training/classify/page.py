"""The report as a page: tables and plots, from the result file alone; nothing here computes a figure of its own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import mean
from typing import Any

from training.classify.words import FORM_NAMES, accuracy, number, percent, probability

# What the founding document expected: memory (times smaller), speed (times faster), loss (points, from and to).
CLAIMS = {
    "int8-qat": ("4×", "2 to 4×", "below 1"),
    "int4": ("8×", "–", "1 to 5"),
    "int2": ("16×", "–", "5 to 15"),
}
CLAIMS |= {"int8-ptq": CLAIMS["int8-qat"], "int4-litert": CLAIMS["int4"]}
# What was aimed at: points of accuracy that INT8 may cost, the share of equal predictions, bytes of the largest file.
LOSS_MAX = {"int8-qat": 0.3, "int8-ptq": 0.7}
AGREEMENT_MIN = 0.995
BYTES_MAX = 11_500_000
PUBLISHED = """Published, for comparison: a ResNet-18 with the 32 × 32 stem, trained for 100 epochs on 45,000 images, reaches
94.86 ± 0.14 % (five seeds), and logit distillation changes that by −0.08 (from a ResNet-34) and +0.06 points (from a
ResNet-50), within noise: U. O. Yaşar, *Student capacity moderates knowledge distillation effectiveness*, 2026, the
repository's second protocol (github.com/umutonuryasar/kd-capacity-gap, `results/final_results.csv` and its README; the first
version of the preprint, arXiv:2605.31191, has other numbers)."""

_ROWS = """Accuracy is that of the converted file in the edge runtime, image by image (mean ± standard deviation over
seeds; a single seed carries no spread). Rows that are *simulated* ran as fake quantization in torch: accuracy is torch's, their
size is that of the packed weights, time and energy are left empty. Under INT4 and INT2 stem and classifier keep 8 bits. QAT rows were trained on from the FP32 row of their network, so they have
had more epochs."""
_SENSITIVITY = """Points of validation accuracy that one layer's weights cost at 4 and at 2 bits, all else at 8
(post-training), and the bits that the mixed-precision choice gave it, by added cross entropy for each bit saved."""

_PTQ = """Accuracy on the validation split. Calibration: ONNX Runtime's methods for the ranges of activations, in fake
quantization. Weights: ai-edge-quantizer's methods for their scales, in the TFLite file, with the chosen ranges; the files keep
`min_max_uniform_quantize`, the one that ONNX shares."""
_TOGETHER = """Single networks, whether they taught or not (above): points are the difference in accuracy of two networks, not what
distillation brings."""
_PTQ_HEAD = ("| network | of | method | validation accuracy | |", "|---|---|---|---|---|")

SPREAD_MAX, BUSY_LOAD = 0.2, 1.5  # the benchmark itself is one busy process

Line = dict[str, Any]


def render(result: dict[str, Any], plots: Sequence[Path], source: Path | None = None) -> str:
    """Return the page.

    Args:
        result: as `report.collect` made it.
        plots: relative to the page.
        source: the result file, relative to the page.
    """
    parts = [
        _head(result, source),
        _accuracy_table(result),
        _distillation(result),
        _quantization(result),
        _together(result),
        _aims(result),
        _latency_note(result),
        _ptq(result),
        _sensitivity(result),
        "\n\n".join(f"![{plot.stem}]({plot.as_posix()})" for plot in plots),
    ]
    return "\n\n".join(part.strip() for part in parts if part) + "\n"


def _head(result: dict[str, Any], source: Path | None) -> str:
    where = "the result" if source is None else f"[{source.name}]({source.as_posix()})"
    machine, commits = result["machine"], ", ".join(f"`{_short(commit)}`" for commit in result["commits"])
    about = (
        f"{result['date'][:10]}, commits {commits}, {machine['processor']}, {machine['cores']} cores. "
        f"Recipe `{result['recipe']['name']}`: {_held_out(result)} {result['images']['test']['count']:,} test images "
        "scored once, at the end. *Full* is the 3×3 stem of stride 1, *strided* the one of stride 2."
    )
    members = [
        f"- `{name}`: {len(one['history'])} epochs of {_images(result, one)}"
        + (
            ""
            if one["validation_accuracy"] is None
            else f"; {percent(one['validation_accuracy'])} on the validation split"
        )
        for name, one in result["training"].items()
    ]
    return "\n".join(
        [
            "# CIFAR-10: what distillation and quantization bring and cost",
            "",
            f"Generated from {where} by `{result['command']}`; do not edit.",
            "",
            about,
            "",
            f"**Teacher.** {_teacher(result)} It sees each view at 32 px and without cutout. Each network:",
            "",
            *members,
        ]
    )


def _short(commit: str) -> str:
    """Return a commit as people write it; one with changes that were not committed says so."""
    return commit if commit == "unrecorded" else commit[:12] + commit[40:]


def _images(result: dict[str, Any], one: dict[str, Any]) -> str:
    counts = {name: split["count"] for name, split in result["images"].items()}
    seen = counts["training"] + (counts["validation"] if one["settings"]["split"] == "all" else 0)
    return f"{seen:,} images"


def _held_out(result: dict[str, Any]) -> str:
    """Say which images choices were made on, and who has seen them."""
    count = result["images"]["validation"]["count"]
    if not count:
        return "no images held out, so that choices were made on training images;"
    if not result["recipe"]["pairs_on_all"]:
        return f"{count:,} images held out for every choice;"
    return (
        f"every choice was made on {count:,} images held out from the teachers; baselines and students then trained on those "
        "too;"
    )


def _teacher(result: dict[str, Any]) -> str:
    """Say what teaches, and how it and the single networks stand on the validation split."""
    known = {
        name: one["validation_accuracy"]
        for name, one in result["training"].items()
        if one["validation_accuracy"] is not None and not one["settings"]["distilled"]
    }
    said = f"The mean of the logits of {', '.join(f'`{name}`' for name in result['ensemble']['members'])}"
    if not known:
        return f"{said}."
    ranked = sorted(known, key=lambda name: -known[name])
    said += f". Single networks on the validation split: {', '.join(f'`{name}` {percent(known[name])}' for name in ranked)}."
    return f"{said} {_compared(result)}".strip()


def _compared(result: dict[str, Any]) -> str:
    """Say whether what teaches is better than the networks that it teaches, and what each other teacher would add."""
    compared, training = result["teachers"], result["training"]
    together = compared["validation_accuracy"]
    if together is None:
        return ""
    names = ", ".join(f"`{name}`" for name in compared["members"])
    said = [f"The members that have not seen that split ({names}) reach {percent(together)} together"]
    for pair, sibling in result["siblings"].items():
        alone = training[sibling]["validation_accuracy"]
        if alone is not None and not training[sibling]["settings"]["distilled"]:
            said.append(
                f"{100 * (together - alone):+.2f} points to what the *{pair}* pair's network reaches on labels alone "
                f"(`{sibling}`)"
            )
    others = [
        f" With `{name}`, {percent(training[name]['validation_accuracy'])} alone, they would reach {percent(added)}: "
        + (
            "it is left out, for they are worse with it."
            if added < together
            else "it is left out all the same."
        )
        for name, added in compared["with"].items()
    ]
    return ", ".join(said) + "." + "".join(others)


def _accuracy_table(result: dict[str, Any]) -> str:
    rows = [
        "| network | form | test accuracy | seeds | size | MACs | ms a frame | J a frame | |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    rows += [
        f"| {line['role']}, {line['group']} | {FORM_NAMES[line['form']]} | {accuracy(line)} | {line['seeds']} "
        f"| {line['bytes'] / 1e6:.2f} MB | {line['macs'] / 1e6:.0f} M | {number(line['latency_ms'], '.2f')} "
        f"| {number(line['joules'], '.4f')} | {'runs' if line['ran'] == 'file' else 'simulated'} |"
        for line in result["summary"]
    ]
    source, watts = result["energy"]["source"], result["energy"]["watts_per_busy_core"]
    energy = f"Energy is `{source}`"
    if source.startswith("measured:"):
        energy += ", above the idle machine's."
    elif watts is not None:
        energy += f": time × {watts:g} W that a busy core of this machine is stated to add; not measured."
    else:
        energy += ": there was no sensor and no stated coefficient (`--watts-per-busy-core`)."
    return "\n".join(
        [
            "## Every row",
            "",
            *rows,
            "",
            f"{_ROWS} {energy}",
        ]
    )


def _distillation(result: dict[str, Any]) -> str:
    rows = [
        "| pair | form | gain a seed (points) | McNemar p a seed | gain over seeds (95 %) | p |",
        "|---|---|---|---|---|---|",
    ]
    verdicts = []
    for test in result["tests"]:
        gains = ", ".join(f"{100 * gain:+.2f}" for gain in test["gain"])
        ps = ", ".join(probability(one["p"]) for one in test["mcnemar"])
        over, p = "one seed", ""
        if test["paired"] is not None:
            paired = test["paired"]
            over = f"{100 * paired['gain']:+.2f}"
            if paired["low"] is not None:
                over += f" ({100 * paired['low']:+.2f} to {100 * paired['high']:+.2f})"
            p = probability(paired["p"])
        rows.append(f"| {test['pair']} | {FORM_NAMES[test['form']]} | {gains} | {ps} | {over} | {p} |")
        if test["form"] == "fp32":
            verdicts.append(f"*{test['pair']}*: {_verdict(test)}")
    return "\n".join(["## What distillation brings", "", *rows, "", "; ".join(verdicts) + ".", "", PUBLISHED])


def _verdict(test: dict[str, Any]) -> str:
    """Say in words whether a gain stands out of the noise."""
    p = test["mcnemar"][0]["p"] if test["paired"] is None else test["paired"]["p"]
    of = "these two networks alone, other seeds unknown" if test["paired"] is None else "the seeds"
    gain = 100 * sum(test["gain"]) / len(test["gain"])
    if p is None and test["paired"] is not None:
        return f"{gain:+.2f} points in every seed alike, which leaves no spread to test against"
    if p is None or p >= 0.05:
        return f"{gain:+.2f} points, not told from noise (p {probability(p)} over {of})"
    return f"{gain:+.2f} points, p {probability(p)} over {of}"


def _quantization(result: dict[str, Any]) -> str:
    rows = [
        "| network | form | loss (points) | smaller | faster | expected: loss, smaller, faster |",
        "|---|---|---|---|---|---|",
    ]
    lines = _by_key(result)
    for (role, group, form), line in lines.items():
        whole = _whole_of(result, line)
        if form == "fp32" or whole is None:
            continue
        memory, speed, loss = CLAIMS.get(form, ("–", "–", "–"))
        faster = None if line["latency_ms"] is None else whole["latency_ms"] / line["latency_ms"]
        rows.append(
            f"| {role}, {group} | {FORM_NAMES[form]} | {100 * (whole['accuracy'] - line['accuracy']):.2f} "
            f"| {whole['bytes'] / line['bytes']:.1f}× | {number(faster, '.1f', '×')} | {loss}, {memory}, {speed} |"
        )
    replayed = result["replay"]
    chips = ", ".join(result["latency"]["machine"].get("int8_instructions") or []) or "none that are known"
    note = (
        "Each against the FP32 networks of the same seeds; a negative loss is one that scored higher when quantized. This "
        f"processor's INT8 instructions ({chips}) are not a Pi's, so its factors do not carry over; below 1× is slower."
    )
    same = (
        f"`firetower replay` of the bundle `{replayed['name']}` over a folder of the test images, as PNG files: "
        f"{percent(replayed['accuracy'])} of {replayed['frames']:,}."
    )
    return "\n".join(
        [
            "## What quantization costs, beside what the founding document expected",
            "",
            *rows,
            "",
            note,
            "",
            same.strip(),
        ]
    )


def _whole_of(result: dict[str, Any], line: Line) -> Line | None:
    """Return the means of the FP32 rows that have the seeds of a line's rows; None if there are none."""
    key = line["role"], line["group"]
    mine = [row for row in result["rows"] if (row["role"], row["group"]) == key]
    seeds = {row["seed"] for row in mine if row["form"] == line["form"]}
    whole = [row for row in mine if row["form"] == "fp32" and row["seed"] in seeds]
    if not whole:
        return None
    return {name: mean(row[name] for row in whole) for name in ("bytes", "latency_ms")} | {
        "accuracy": mean(row["test_accuracy"] for row in whole)
    }


def _together(result: dict[str, Any]) -> str:
    """Compare each FP32 teacher with each INT8 student: do the two effects multiply?"""
    lines, rows = _by_key(result), []
    for (role, group, form), teacher in lines.items():
        if role != "teacher" or form != "fp32":
            continue
        for (other, pair, kind), student in lines.items():
            if other != "student" or kind != "int8-qat":
                continue
            whole = lines["student", pair, "fp32"]
            faster = teacher["latency_ms"] / student["latency_ms"]
            rows.append(
                f"| {group} → {pair} | {teacher['bytes'] / student['bytes']:.1f}× = "
                f"{teacher['bytes'] / whole['bytes']:.1f}× · {whole['bytes'] / student['bytes']:.1f}× | {faster:.1f}× = "
                f"{teacher['latency_ms'] / whole['latency_ms']:.1f}× · {whole['latency_ms'] / student['latency_ms']:.1f}× "
                f"| {100 * (student['accuracy'] - teacher['accuracy']):+.2f} |"
            )
    if not rows:
        return ""
    head = [
        "| FP32 teacher → INT8 QAT student | smaller = by network · by INT8 | faster = by network · by INT8 | points |"
    ]
    return "\n".join(["## Together", "", *head, "|---|---|---|---|", *rows, "", _TOGETHER])


def _aims(result: dict[str, Any]) -> str:
    """Set what was aimed at beside what was reached, for pairs whose recipe states an aim."""
    rows: list[tuple[str, str, str, bool]] = []
    for pair, settings in result["recipe"]["pairs"].items():
        aim = settings.get("aim")
        if aim is None:
            continue
        lines = {key[2]: line for key, line in _by_key(result).items() if key[:2] == ("student", pair)}
        whole = lines["fp32"]["accuracy"]
        rows.append((f"{pair}, FP32", f"≥ {percent(aim)}", percent(whole), whole >= aim))
        for form, limit in LOSS_MAX.items():
            name, line = f"{pair}, {FORM_NAMES[form]}", lines[form]
            loss, same, size = 100 * (whole - line["accuracy"]), line["agreement"], line["bytes"]
            agreeing = f"≥ {percent(AGREEMENT_MIN)}"
            rows += [
                (f"{name}: costs", f"≤ {limit} points", f"{loss:.2f}", loss <= limit),
                (f"{name}: TFLite and ONNX agree", agreeing, percent(same), same >= AGREEMENT_MIN),
                (f"{name}: file", f"≤ {BYTES_MAX / 1e6} MB", f"{size / 1e6:.2f} MB", size <= BYTES_MAX),
            ]
    if not rows:
        return ""
    table = [f"| {what} | {aim} | {found} | {'yes' if met else '**no**'} |" for what, aim, found, met in rows]
    head = ["| student | aim | found | met |", "|---|---|---|---|"]
    return "\n".join(["## What was aimed at", "", *head, *table])


def _latency_note(result: dict[str, Any]) -> str:
    timed = result["latency"]
    protocol, files = timed["protocol"], timed["files"].values()
    spread = max((file["spread"] for file in files), default=0.0)
    loads = [float(load) for file in files for load in file["load_1"] if load is not None]
    busy = max(loads, default=0.0)
    rough = spread > SPREAD_MAX or busy > BUSY_LOAD
    doubt = (
        f" **Take them, and all that is called faster, as rough (load up to {busy:.1f}).**" if rough else ""
    )
    return (
        f"Times: LiteRT, {protocol['threads']} thread, batch 1, {protocol['rounds']} rounds of fresh processes over all files "
        f"in turn, {protocol['runs']} inferences each after {protocol['warmup']} thrown away, medians; processes of one file "
        f"differ by {spread:.0%} at most.{doubt} On {timed['machine'].get('cpu')}: they say nothing about a Pi."
    )


def _ptq(result: dict[str, Any]) -> str:
    rows = [
        f"| {name} | {kind} | {method} | {percent(share)} | {'chosen' if method == found['chosen'] else ''} |"
        for name, found in result["ptq"].items()
        for kind in ("calibration", "weights")
        for method, share in found[kind].items()
    ]
    if not rows:
        return ""
    return "\n".join(
        ["## Post-training quantization: what the quantizers offer", "", _PTQ, "", *_PTQ_HEAD, *rows]
    )


def _sensitivity(result: dict[str, Any]) -> str:
    parts = []
    for name, found in result["sensitivity"].items():
        rows = [
            f"| {row['layer']} | {row['weights']:,} | {100 * row['int4']['accuracy_cost']:+.2f} "
            f"| {100 * row['int2']['accuracy_cost']:+.2f} | {_bits(result, name, row['layer'])} |"
            for row in found["layers"]
        ]
        parts.append(
            "\n".join(
                [
                    f"## Sensitivity: {name}, on {found['network']}",
                    "",
                    _SENSITIVITY,
                    "",
                    "| layer | weights | 4 bits | 2 bits | chosen |",
                    "|---|---|---|---|---|",
                    *rows,
                ]
            )
        )
    return "\n\n".join(parts)


def _bits(result: dict[str, Any], pair: str, layer: str) -> str:
    mixed = [row for row in result["rows"] if row["form"] == "mixed" and row["group"] == pair]
    return str(mixed[0]["bits"][layer]) if mixed else "–"


def _by_key(result: dict[str, Any]) -> dict[tuple[str, str, str], Line]:
    return {(line["role"], line["group"], line["form"]): line for line in result["summary"]}
