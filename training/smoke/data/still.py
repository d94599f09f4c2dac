"""Stills: pictures that no other belongs to, as sequences of one frame without a time."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from scoring.truth import Box, Label, TruthError, TruthFrame, TruthSequence
from training.smoke.data.tree import Size, Tree


def still(
    tree: Tree, file: str, size: Size, boxes: Sequence[Box], label: Label, camera: str | None = None
) -> TruthSequence:
    """Make the sequence of one picture.

    Args:
        tree: that it lies in; is told of boxes that were bent.
        file: of the picture; also the sequence's id and its fire.
        size: of the picture.
        boxes: of smoke in pixels, finite; clipped to the picture. One that has no place in it makes the frame
            `uncertain`: somebody saw smoke, nobody knows where.
        label: where no box is left out.
        camera: and group; the picture's folder if absent.
    """
    clipped = [_clip(box, size) for box in boxes]
    inside = tuple(box for box in clipped if box is not None)
    if len(inside) < len(clipped):
        tree.passed.add("pictures made uncertain, since a box has no place in them", file)
        inside, label = (), "uncertain"
    elif any(_far(box, kept) for box, kept in zip(boxes, inside, strict=True)):
        tree.passed.add("pictures whose boxes were clipped to them", file)
    where = camera or _folder(tree, file)
    frame = TruthFrame(file, label, boxes=inside)
    return TruthSequence(
        id=file,
        camera=where,
        fire=file,
        group=where,
        width=size.width,
        height=size.height,
        frames=(frame,),
        box_annotated=label != "unlabelled",
    )


def check_finite(values: Sequence[float], where: str) -> None:
    """See that the numbers of a box are such.

    Raises:
        TruthError: one is infinite or none at all; says where.
    """
    if not all(map(math.isfinite, values)):
        raise TruthError(f"{where}: expected finite numbers, got {list(values)}; correct the box")


def smoke_classes(names: Mapping[int, str], told: Sequence[str], where: str) -> frozenset[int]:
    """Choose the classes that mean smoke.

    Args:
        names: of all classes by their numbers.
        told: names that somebody said mean smoke; if empty, those with `smoke` in their names, or the only one.
        where: they stand, for messages.

    Raises:
        TruthError: there is no such class.
    """
    if told:
        if strange := sorted(set(told) - set(names.values())):
            raise TruthError(f"{where}: no class is called {', '.join(strange)}; there are {_listed(names)}")
        return frozenset(number for number, name in names.items() if name in told)
    smoky = frozenset(number for number, name in names.items() if "smoke" in name.casefold())
    if smoky or len(names) == 1:
        return smoky or frozenset(names)
    raise TruthError(
        f"{where}: none of its classes is called smoke: {_listed(names)}; say which by --smoke-class"
    )


def _listed(names: Mapping[int, str]) -> str:
    return ", ".join(sorted(names.values())) or "none"


def _folder(tree: Tree, file: str) -> str:
    parts = [part for part in PurePosixPath(file).parent.parts if part not in {"images", "labels"}]
    return "/".join([tree.folder.resolve().name, *parts])


def _clip(box: Box, size: Size) -> Box | None:
    x0, y0, x1, y1 = max(0.0, box[0]), max(0.0, box[1]), min(size.width, box[2]), min(size.height, box[3])
    return (x0, y0, x1, y1) if x0 < x1 and y0 < y1 else None


def _far(box: Box, clipped: Box) -> bool:
    """Say whether clipping took away more than rounding explains."""
    return any(abs(before - after) > 1.0 for before, after in zip(box, clipped, strict=True))
