"""The report as a page, from the result file alone: each figure is the file's, or a ratio or difference of two of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from training.cifar10.report.choices import choices
from training.cifar10.report.cost import costs
from training.cifar10.report.form import FORMS
from training.cifar10.report.plot import FLOOR_POINTS
from training.cifar10.report.words import accuracy, number, percent, probability, section, table

PUBLISHED = """Published, for comparison: a ResNet-18 with the 32 × 32 stem, trained for 100 epochs on 45,000 images, reaches
94.86 ± 0.14 % (five seeds, at the epoch that is best on validation); by logit distillation it reaches 94.78 ± 0.09 % (from a
ResNet-34) and 94.91 ± 0.08 % (from a ResNet-50), within noise: U. O. Yaşar, *Student capacity moderates knowledge
distillation effectiveness*, 2026, the repository's second protocol (github.com/umutonuryasar/kd-capacity-gap,
`results/final_results.csv`; the first version of the preprint, arXiv:2605.31191, has other numbers)."""

_WORDS = """**Words.** *Pair*: a *baseline*, trained on labels alone, and a *student* that differs in the loss alone and
also learns from an ensemble. *Ensemble*: networks whose *logits* (the ten outputs before softmax) are averaged;
each is a *member*. *View*: an image flipped and shifted. *Sibling*: the network of a pair's architecture that
has not seen the *validation split*, the held-out training images; the pair's choices are made on it. *Seed*:
one training run. *Full* is the 3×3 stem of stride 1, *strided* the one of stride 2. *PTQ* quantizes a trained
network, *QAT* trains it on with quantization simulated. *Points* are percentage points, *MACs* the multiply-
accumulates of an image, *MB* 10⁶ bytes of the TFLite file. *KD*, knowledge distillation: the loss is α · T² ·
KL(ensemble ‖ student, both softened by T) + (1 − α) · cross entropy with the labels. *Cutout*: a square of a
training picture is grey. *Founding document*: this project's plan, which named what quantization should bring.
*Edge runtime*: LiteRT, called by this project's device code. *Bundle*: a model file with its labels and
normalisation."""

_ROWS = """Accuracy is that of the converted file in the edge runtime, image by image (mean ± standard deviation over
seeds; a single seed carries no spread). Rows that are *simulated* ran as fake quantization in torch: accuracy is
torch's, their size is that of the packed weights, time and energy are left empty. A *teacher* is one network of the
recipe's teachers, whether it taught or not. Rows of one architecture and form are one graph with other weights, so
that times differ by noise alone. Under INT4 and INT2 stem and classifier keep 8 bits; LiteRT's INT4 file has the same
weights, quantized anew. QAT rows were trained on from the FP32 row of their network, so they have had more epochs."""

_TESTS = """McNemar's test (exact) counts the images that only one of two networks gets right; the other is Student's
paired t-test over seeds. The three forms are the same networks: they are no independent tests, and no p is corrected
for their number."""

_PLOTS = {
    "accuracy": f"Test accuracy against size; networks that are more than {FLOOR_POINTS} points below the best are left out",
    "training": "Validation accuracy of the averaged parameters after each epoch, of the networks that have not seen the "
    "validation split; where one trains on small pictures first, it jumps when they become whole",
}


def render(result: dict[str, Any], plots: Sequence[Path], source: Path | None = None) -> str:
    """Return the page.

    Args:
        result: as `report.collect` made it.
        plots: relative to the page, named as in `_PLOTS`.
        source: the result file, relative to the page.
    """
    parts = [
        _head(result, source),
        _accuracy_table(result),
        _distillation(result),
        *costs(result),
        *choices(result),
        *(f"![{_PLOTS[plot.stem]}]({plot.as_posix()})\n\n{_PLOTS[plot.stem]}." for plot in plots),
    ]
    return "\n\n".join(part.strip() for part in parts if part) + "\n"


def _head(result: dict[str, Any], source: Path | None) -> str:
    where = "the result" if source is None else f"[{source.name}]({source.as_posix()})"
    machine, commits = result["machine"], ", ".join(f"`{_short(commit)}`" for commit in result["commits"])
    recipe = result["recipe"]
    about = (
        f"{result['date'][:10]}, commits {commits}, {machine['processor']}, {machine['cores']} cores. "
        f"Recipe `{recipe['name']}`: {_held_out(result)} {result['images']['test']['count']:,} test images "
        "scored once by it, at the end."
    )
    members = [
        f"- `{name}`: {_epochs(len(one['history']))} of {_images(result, one)}{_optimizer(one)}{_accelerator(one)}"
        + (
            ""
            if one["validation_accuracy"] is None
            else f"; {percent(one['validation_accuracy'])} on the validation split"
        )
        for name, one in result["training"].items()
    ]
    parts = [
        "# CIFAR-10: what distillation and quantization bring and cost",
        f"Generated from {where} by `{result['command']}`; do not edit.",
        about,
        recipe.get("note", ""),
        f"{_WORDS} {_commits(result['commits'])}".rstrip(),
        f"**Teacher.** {_teacher(result)} The ensemble sees each view at 32 px and without cutout.",
        _settings(recipe),
        "Each network:\n\n" + "\n".join(members),
    ]
    return "\n\n".join(part for part in parts if part)


def _settings(recipe: dict[str, Any]) -> str:
    """Say what students learn by, and how QAT goes on."""
    method = recipe["distillation"]
    loss = f"{method['loss'].upper()}, T = {method['temperature']:g}, α = {method['alpha']:g}"
    qat = [
        f"*{name}* {_epochs(pair['quantization']['qat_epochs'])} at a learning rate of "
        f"{pair['quantization']['qat_learning_rate']:g} ({pair['quantization']['low_bit_learning_rate']:g} below 8 bits)"
        for name, pair in recipe["pairs"].items()
    ]
    return (
        f"**Settings.** Students' loss: {loss}; {recipe['views']} views an image, everyone's. QAT: {', '.join(qat)}. All are the "
        "recipe's; what was tried before is in [training/LOG.md](../training/LOG.md)."
    )


def _commits(commits: Sequence[str]) -> str:
    """Explain what is said of some commits."""
    dirty = (
        "A commit *-dirty* had changes that were not committed."
        if any(c.endswith("-dirty") for c in commits)
        else ""
    )
    return f"{dirty} Some early steps did not record theirs." if "unrecorded" in commits else dirty


def _short(commit: str) -> str:
    """Return a commit as people write it; one with changes that were not committed says so."""
    return commit if commit == "unrecorded" else commit[:12] + commit[40:]


def _epochs(count: int) -> str:
    return "1 epoch" if count == 1 else f"{count} epochs"


def _optimizer(one: dict[str, Any]) -> str:
    return "" if one["settings"]["training"].get("muon") is None else ", hidden kernels by Muon"


def _accelerator(one: dict[str, Any]) -> str:
    """Say what GPU trained it; `rounded` stands in the record of a network that was carried from there by hand."""
    machine = one["made"]["machine"] if "made" in one else {}  # the first of 2026-11-24 do not say
    carried = f" (carried here, {one['rounded']})" if "rounded" in one else ""
    return f", on {one['processes']} {machine['accelerator']}{carried}" if "accelerator" in machine else ""


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
        f"what was chosen by accuracy was chosen on {count:,} images that the networks in question had not seen; baselines and "
        "students then trained on those too;"
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
    if len(compared["members"]) == 1:
        said = [
            f"One member alone has not seen that split ({names}), so what the ensemble reaches on it is not known"
        ]
    else:
        said = [f"The members that have not seen that split ({names}) reach {percent(together)} together"]
    for pair, sibling in result["siblings"].items():
        if compared["members"] == [sibling]:
            continue
        alone = training[sibling]["validation_accuracy"]
        if alone is not None and not training[sibling]["settings"]["distilled"]:
            said.append(
                f"{100 * (together - alone):+.2f} points above what the *{pair}* pair's network reaches on labels alone "
                f"(`{sibling}`)"
            )
    who = "it" if len(compared["members"]) == 1 else "they"
    others = [
        f" With `{name}`, {percent(training[name]['validation_accuracy'])} alone, {who} would reach {percent(added)}: "
        + ("worse; it is left out." if added < together else "not worse; it is left out all the same.")
        for name, added in compared["with"].items()
    ]
    return ", ".join(said) + "." + "".join(others)


def _accuracy_table(result: dict[str, Any]) -> str:
    head = (
        "network",
        "form",
        "test accuracy",
        "seeds",
        "size",
        "MACs",
        "ms a frame",
        "J a frame",
        "how it ran",
    )
    rows = [
        (
            f"{line['role']}, {line['group']}",
            FORMS[line["form"]].title,
            accuracy(line),
            str(line["seeds"]),
            f"{line['bytes'] / 1e6:.2f} MB",
            f"{line['macs'] / 1e6:.0f} M",
            number(line["latency_ms"], ".2f"),
            number(line["joules"], ".4f"),
            "as a file" if line["ran"] == "file" else "simulated",
        )
        for line in result["summary"]
    ]
    whole = [
        f"*{name}*"
        for name, pair in result["recipe"]["pairs"].items()
        if not pair["quantization"]["low_bit_seeds"]
    ]
    fewer = (
        f" No row of {', '.join(whole)} has fewer than 8 bits: the recipe leaves them out." if whole else ""
    )
    return section("Every row", table(head, rows), f"{_ROWS}{fewer} {_energy(result)}")


def _energy(result: dict[str, Any]) -> str:
    source, watts = result["energy"]["source"], result["energy"]["watts_per_busy_core"]
    if source.startswith("measured:"):
        return f"Energy is `{source}`, above the idle machine's."
    if watts is not None:
        return (
            f"Energy is `{source}`: time × the {watts:g} W that a busy core was stated to add on the command line; not measured, "
            "so it says no more than the time."
        )
    return f"Energy is `{source}`: there was no sensor and no stated coefficient (`--watts-per-busy-core`)."


def _distillation(result: dict[str, Any]) -> str:
    head = ("pair", "form", "gain a seed (points)", "McNemar's p", "mean gain (95 %)", "p of the t-test")
    rows, verdicts = [], []
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
        rows.append((test["pair"], FORMS[test["form"]].title, gains, ps, over, p))
        if test["form"] == "fp32":
            verdicts.append(f"*{test['pair']}*: {_verdict(test)}")
    said = "; ".join(verdicts) + "."
    return section("What distillation brings", table(head, rows), _TESTS, said, PUBLISHED)


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
