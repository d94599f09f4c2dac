"""The bundle of a student that was trained on all groups: its manifest and its card."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from edge.model.bundle import Bundle
from edge.model.manifest import Cadence, Manifest
from scoring.gate import Estimate
from training.export import card
from training.smoke.bundle import NAME, write
from training.smoke.data.read import Dataset
from training.smoke.detector import span, term
from training.smoke.detector.cadence import Result as Cadences
from training.smoke.detector.figure import SeedRow, metrics_of
from training.smoke.export import Exported
from training.smoke.lesson.point import ALERTS_PER_HOUR, CANDIDATES_PER_HOUR, Point
from training.smoke.lesson.recipe import Labels, Opened
from training.step.provenance import commit

VERSION = "0.2.0"


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """What a bundle was trained on, of one source.

    Attributes:
        sequences, groups: number of them.
        boxed: frames with boxes.
    """

    sequences: int
    frames: int
    boxed: int
    groups: int


@dataclass(frozen=True, slots=True)
class Made:
    """All that a bundle is written from.

    Attributes:
        recipe: that made it.
        opened: all that it was trained on.
        chosen: its point, on held-out folds.
        exported: its files.
        datasets: that the sequences are of.
        rows: of the folds' own bundles.
        cadences: measured ones, whose span the manifest states; None: the cadences of training.
    """

    recipe: Labels
    opened: Opened
    chosen: Point
    exported: Exported
    datasets: Sequence[Dataset]
    rows: Sequence[SeedRow]
    cadences: Cadences | None = None


def sources_of(opened: Opened) -> dict[str, Source]:
    """Count what is trained on, by source: `real`, `planted`, `weather`."""
    found = {}
    for name in ("real", "planted", "weather"):
        some = [one.drawn.truth for one in opened.sequences if one.source == name]
        found[name] = Source(
            sequences=len(some),
            frames=sum(len(one.frames) for one in some),
            boxed=sum(bool(frame.boxes) for one in some for frame in one.frames),
            groups=len({one.group for one in some}),
        )
    return found


def manifest_of(made: Made) -> Manifest:
    """State the bundle; its files are added when it is written."""
    provenance: dict[str, Any] = {
        "commit": commit(),
        "data": {one.folder.resolve().name: one.digest for one in made.datasets},
        "held_out_folds": msgspec.to_builtins(made.chosen),
        "licence": term.licence_of(made.datasets),
    }
    metrics = metrics_of(made.chosen, made.rows)
    if made.cadences is not None:
        metrics["cadences"] = _measured(made.cadences)
    stated = made.recipe.manifest(made.opened, made.chosen, made.exported, metrics, provenance)
    stated = msgspec.structs.replace(stated, version=VERSION)
    if made.cadences is None:
        return msgspec.structs.replace(stated, cadence=_trained(made.recipe, stated))
    return span.stated(stated, made.cadences.span)


def _trained(recipe: Labels, stated: Manifest) -> Cadence:
    """Return the range: that of the sequences, and every k-th frame of one at the default cadence."""
    assert stated.cadence is not None
    every = max(k for k, _ in recipe.setting.cadences)
    longest = max(stated.cadence.max_s, every * stated.cadence.default_s)
    return msgspec.structs.replace(stated.cadence, max_s=longest)


def _measured(cadences: Cadences) -> list[dict[str, Any]]:
    """Return in short how the delay depends on the cadence."""
    return [
        {
            "cadence_s": one.cadence_s,
            "leg": one.leg,
            "views": one.candidates.views,
            "candidates_above_min": _value(one.candidates.above_min),
            "alerts_above_min": _value(one.alerts.above_min),
            "within": one.within,
        }
        for one in cadences.figures
    ]


def _value(estimate: Estimate | None) -> float | None:
    return None if estimate is None or estimate.value is None else round(estimate.value, 2)


def write_with_card(folder: Path, made: Made) -> Bundle:
    """Write the bundle, self-test and card included; an older one of that name is replaced."""
    manifest = manifest_of(made)
    return write(folder, manifest, made.exported, card_of(made, manifest))


def card_of(made: Made, manifest: Manifest) -> str:
    """Write the card."""
    recipe = made.recipe
    return card.render(
        Path(__file__).with_name("card.md.jinja"),
        name=f"{NAME} {manifest.version}",
        recipe=recipe,
        seed=recipe.setting.seed,
        backbone=recipe.ground.backbone,
        cadence=manifest.cadence,
        conditions=manifest.conditions,
        sources=sources_of(made.opened),
        groups=len({example.group for example in made.opened.examples}),
        chosen=made.chosen,
        limits=(CANDIDATES_PER_HOUR, ALERTS_PER_HOUR),
        rows=made.rows,
        cadences=manifest.metrics.get("cadences", []),
        data=term.of_data(made.datasets),
        restricted=term.licence_of(made.datasets) == term.LICENCE,
        backbone_terms=term.of_backbone(recipe.ground.backbone),
        teacher_terms=[
            term.of_backbone(name) for name in dict.fromkeys(kind.network for kind in recipe.kinds)
        ],
    )
