"""The report's sections on what quantization costs and brings, alone and with distillation, beside expectations."""

from __future__ import annotations

from typing import Any

from training.cifar10.report.form import FORMS
from training.cifar10.report.words import Line, by_key, number, percent, section, table, whole_of

# What was aimed at, beside `Facts.loss_max`: the share of equal predictions, bytes of the TFLite file.
AGREEMENT_MIN = 0.995
BYTES_MAX = 11_500_000
SPREAD_MAX, BUSY_LOAD = 0.2, 1.5  # the benchmark itself is one busy process

_SMALLER_FASTER = (("bytes", "size"), ("latency_ms", "speed"))

_TOGETHER = """By network alone: FP32 teacher against FP32 student. By INT8 alone: the teacher against its own INT8
PTQ. Where their product is what was found, the two effects multiply. Single networks, whether they taught or not
(above): points are the difference in accuracy of two networks, not what distillation brings; what is left of that
after quantization is in the table above."""


def costs(result: dict[str, Any]) -> list[str]:
    """Return the sections; what does not apply is empty."""
    return [_quantization(result), _together(result), _aims(result), _times(result)]


def _quantization(result: dict[str, Any]) -> str:
    head = (
        "network",
        "form",
        "accuracy lost (points)",
        "smaller",
        "faster",
        "expected: lost, smaller, faster",
    )
    rows = []
    for (role, group, form), line in by_key(result).items():
        whole = whole_of(result, line)
        if form == "fp32" or whole is None:
            continue
        facts = FORMS[form]
        expected = facts.expected
        rows.append(
            (
                f"{role}, {group}",
                facts.title,
                f"{100 * (whole['accuracy'] - line['accuracy']):.2f}",
                f"{whole['bytes'] / line['bytes']:.1f}×",
                number(_ratio(whole["latency_ms"], line["latency_ms"]), ".1f", "×"),
                ", ".join(said or "–" for said in (expected.lost, expected.smaller, expected.faster)),
            )
        )
    chips = ", ".join(result["latency"]["machine"].get("int8_instructions") or []) or "none that are known"
    note = (
        "Each against the FP32 networks of the same seeds; where less than nothing is lost, the quantized one scored "
        f"higher. This processor's INT8 instructions ({chips}) are not a Pi's, so its factors do not carry over; below "
        "1× is slower."
    )
    replayed = result["replay"]
    same = (
        f"`firetower replay` of the bundle `{replayed['name']}` over a folder of the test images, as PNG files: "
        f"{percent(replayed['accuracy'])} of {replayed['frames']:,}."
    )
    title = "What quantization costs, beside what the founding document expected"
    return section(title, table(head, rows), note, same)


def _ratio(before: float | None, after: float | None) -> float | None:
    return None if before is None or after is None else before / after


def _together(result: dict[str, Any]) -> str:
    """Compare each FP32 teacher with each INT8 student: do the two effects multiply?"""
    lines = by_key(result)
    teachers = [group for role, group, form in lines if (role, form) == ("teacher", "fp32")]
    students = [group for role, group, form in lines if (role, form) == ("student", "int8-qat")]
    rows = [_both(lines, group, pair) for group in teachers for pair in students]
    head = (
        "FP32 teacher → INT8 QAT student",
        "smaller",
        "by network alone · by INT8 alone",
        "faster",
        "by network alone · by INT8 alone",
        "points",
    )
    if not rows:
        return ""
    spans = ", ".join(_multiplied(lines, teachers, students, *what) for what in _SMALLER_FASTER)
    return section("Together", table(head, rows), f"{_TOGETHER} What was found is {spans}.")


def _multiplied(
    lines: dict[tuple[str, str, str], Line], teachers: list[str], students: list[str], name: str, word: str
) -> str:
    """Say how far what was found is from the product of the two effects."""
    ratios = [
        lines["student", pair, "fp32"][name]
        * lines["teacher", group, "int8-ptq"][name]
        / (lines["teacher", group, "fp32"][name] * lines["student", pair, "int8-qat"][name])
        for group in teachers
        for pair in students
    ]
    return f"{min(ratios):.2f} to {max(ratios):.2f} times that product in {word}"


def _both(lines: dict[tuple[str, str, str], Line], group: str, pair: str) -> tuple[str, ...]:
    teacher, small_teacher = lines["teacher", group, "fp32"], lines["teacher", group, "int8-ptq"]
    student, small_student = lines["student", pair, "fp32"], lines["student", pair, "int8-qat"]
    found = []
    for name, _ in _SMALLER_FASTER:
        network, int8 = teacher[name] / student[name], teacher[name] / small_teacher[name]
        found.append(f"{teacher[name] / small_student[name]:.1f}×")
        found.append(f"{network:.1f}× · {int8:.1f}× = {network * int8:.1f}×")
    points = 100 * (small_student["accuracy"] - teacher["accuracy"])
    return (f"{group} → {pair}", *found, f"{points:+.2f}")


def _aims(result: dict[str, Any]) -> str:
    """Set what was aimed at beside what was reached, for pairs whose recipe states an aim."""
    rows: list[tuple[str, str, str, bool]] = []
    for pair, settings in result["recipe"]["pairs"].items():
        aim = settings.get("aim")
        if aim is None:
            continue
        lines = {key[2]: line for key, line in by_key(result).items() if key[:2] == ("student", pair)}
        whole = lines["fp32"]["accuracy"]
        rows.append((f"student {pair}, FP32", f"≥ {percent(aim)}", percent(whole), whole >= aim))
        for form, facts in FORMS.items():
            if (limit := facts.loss_max) is None:
                continue
            name, line = f"student {pair}, {facts.title}", lines[form]
            lost, size = 100 * (whole - line["accuracy"]), line["bytes"]
            rows += [
                (f"{name}: costs", f"≤ {limit} points", f"{lost:.2f}", lost <= limit),
                (f"{name}: file", f"≤ {BYTES_MAX / 1e6} MB", f"{size / 1e6:.2f} MB", size <= BYTES_MAX),
                _agreeing(name, line),
            ]
    if not rows:
        return ""
    paired = [line for line in result["summary"] if line["agreement"] is not None]
    lowest = min(paired, key=lambda line: line["agreement"])
    rows.append(_agreeing(f"the lowest of all, {lowest['role']} {lowest['group']}", lowest))
    table_ = [(what, aim, found, "yes" if met else "**no**") for what, aim, found, met in rows]
    said = "Aims are the recipe's (accuracy) and the project's, set before training."
    return section("What was aimed at", table(("", "aim", "found", "met"), table_), said)


def _agreeing(name: str, line: Line) -> tuple[str, str, str, bool]:
    same = line["agreement"]
    aim = f"≥ {percent(AGREEMENT_MIN)}"
    return f"{name}: TFLite and ONNX agree", aim, percent(same), same >= AGREEMENT_MIN


def _times(result: dict[str, Any]) -> str:
    timed = result["latency"]
    protocol, files = timed["protocol"], timed["files"].values()
    spread = max((file["spread"] for file in files), default=0.0)
    busy = max((float(load) for file in files for load in file["load_1"] if load is not None), default=0.0)
    reasons = [f"processes of one file differ by up to {spread:.0%}"] if spread > SPREAD_MAX else []
    reasons += [f"load up to {busy:.1f}"] if busy > BUSY_LOAD else []
    doubt = (
        f" **Take them, and all that is called faster, as rough: {', '.join(reasons)}.**" if reasons else ""
    )
    return section(
        "How times were taken",
        f"{protocol['backend']}, {protocol['threads']} thread, batch 1, {protocol['rounds']} rounds of fresh processes "
        f"over all files in turn, {protocol['runs']} inferences each after {protocol['warmup']} thrown away, medians; "
        f"load up to {busy:.1f}, of which the benchmark is 1.{doubt} On {timed['machine'].get('cpu')}: they say "
        "nothing about a Pi.",
    )
