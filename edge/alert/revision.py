"""An event's next revision: made of what the tracker, the rule of severity and the light say of a frame."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Sequence

import msgspec
import numpy as np
from msgspec import UNSET, UnsetType
from numpy.typing import NDArray

from edge.alert.event import Alerted, Darkness, Event, Stamp
from edge.detect.severity import Cause, Risk
from edge.detect.tracker import Change
from edge.frame import Frame
from edge.model.manifest import Manifest
from edge.model.scores import probability
from edge.past import Past


class Revisions:
    """Makes the revisions of the events of any number of cameras; the newest of each is kept in its camera's past.

    Args:
        manifest: of the model.
        bundle: its name, version and digest, as events carry it.
        digest: of the bundle, in hex; ids are derived from it.
        stamp: makes the moment of a frame.
        risk: returns the fire risk as people named it.
    """

    def __init__(
        self,
        manifest: Manifest,
        bundle: str,
        digest: str,
        stamp: Callable[[Frame], Stamp],
        risk: Callable[[], Risk],
    ) -> None:
        self._manifest = manifest
        self._bundle = bundle
        self._digest = digest
        self._stamp = stamp
        self._risk = risk

    def tell(
        self,
        past: Past,
        camera: str,
        frame: Frame,
        changes: Sequence[Change],
        scores: NDArray[np.float32],
    ) -> None:
        """Make what is worth telling of a scored frame.

        Revisions are made in the order of their tracks; then those of events that light came back to, or that became
        alerts, without being seen. Where one fails the others are made all the same; an opening or a closing that could
        not be is made with the next frame, before the rest.

        Args:
            past: of the camera.
            camera: its name.
            frame: that was scored.
            changes: what it did to the plumes.
            scores: (rows, cols, classes) float32, in the manifest's kind.
        """
        self._hold(past)
        lit = self._lighten(past, frame)
        unseen = (lit | past.due.keys()) - {change.track for change in (*past.untold, *changes)}
        self._tell(past, camera, frame, changes, scores, lit)
        self._retell(past, frame, unseen & past.events.keys())

    def close(self, past: Past, camera: str, frame: Frame) -> None:
        """Close the open events of a past that ends; `frame` is the one with which it does."""
        self._tell(past, camera, frame, past.tracker.reset(), None, ())

    def darken(self, past: Past, dusk: Frame) -> None:
        """Say of the open events of a camera that it is dark, once.

        Args:
            past: of the camera.
            dusk: the first frame of its latest darkness; its pixels are not looked at.
        """
        since_s = dusk.model_ns / 1e9
        hidden = {
            track
            for track, event in past.events.items()
            if event.opened.model_s <= since_s
            and (event.darkness is None or event.darkness.since.model_s < since_s)
        }
        for track in hidden:
            darkness = Darkness(since=self._stamp(dusk))
            past.events[track] = msgspec.structs.replace(past.events[track], darkness=darkness)
        self._retell(past, dusk, hidden)

    def _tell(
        self,
        past: Past,
        camera: str,
        frame: Frame,
        changes: Sequence[Change],
        scores: NDArray[np.float32] | None,
        lit: Collection[int],
    ) -> None:
        """Make the revisions of what was seen, and of what is untold."""
        due, past.untold = [*past.untold, *changes], []
        failed: Exception | None = None
        for change in due:
            try:
                self._event(
                    past, camera, frame, change, self._likely(change, scores), told=change.track in lit
                )
            except Exception as error:  # noqa: BLE001 — raised again when the others are told
                failed = error
                past.untold += [change] if change.kind in ("opened", "closed") else []
        if failed is not None:
            raise failed

    def _hold(self, past: Past) -> None:
        """Note on open candidates which conditions hold them back; their next revision says so."""
        for track, event in past.events.items():
            if event.severity == "candidate":
                past.events[track] = msgspec.structs.replace(event, held=_held(event.held, past.holds))

    def _lighten(self, past: Past, frame: Frame) -> set[int]:
        """Note that light came back with a frame; return the tracks of the events that were in the dark."""
        lit = set()
        for track, event in past.events.items():
            dark = event.darkness
            if dark is not None and dark.until is None and dark.since.model_s < frame.model_ns / 1e9:
                darkness = msgspec.structs.replace(dark, until=self._stamp(frame))
                past.events[track] = msgspec.structs.replace(event, darkness=darkness)
                lit.add(track)
        return lit

    def _retell(self, past: Past, frame: Frame, tracks: Collection[int]) -> None:
        """Make the next revision of events that changed, though nothing was seen of them."""
        for track in sorted(tracks):
            event = past.events[track]
            later = msgspec.structs.replace(event, revision=event.revision + 1, phase="updated")
            self._make(past, track, self._alerted(later, frame, past.due.get(track)))

    def _make(self, past: Past, track: int, event: Event) -> None:
        """Let a revision be handed over."""
        past.events[track] = event
        past.made.append(event)
        past.due.pop(track, None)

    def _alerted(self, event: Event, frame: Frame, cause: Cause | None) -> Event:
        """Return a revision that says, where there is a cause, that the event became an alert with this frame."""
        if cause is None:
            return event
        alerted = Alerted(
            at=self._stamp(frame), by=cause, revision=event.revision, box_px=event.box_px, risk=self._risk()
        )
        return msgspec.structs.replace(event, severity="alert", alerted=alerted)

    def _event(
        self,
        past: Past,
        camera: str,
        frame: Frame,
        change: Change,
        likely: float | None,
        *,
        told: bool,
    ) -> None:
        """Turn a change into the event's next revision, where that is worth telling, or `told` in any case."""
        stamp, cause = self._stamp(frame), past.due.get(change.track)
        known = past.events.get(change.track)
        if known is None:  # opened, with this frame or with one that failed
            lowered = past.thresholds.lowered(change.label)
            event = Event(
                id=self._identify(camera, frame, change.label, change.track),
                revision=1,
                phase="opened",
                camera=camera,
                label=change.label,
                bundle=self._bundle,
                opened=stamp,
                updated=stamp,
                closed=None,
                peak=change.peak,
                box_px=change.box_px,
                opening_box_px=change.box_px,
                sightings=change.sightings,
                severity="alert" if self._manifest.alert is None else "candidate",
                frame_px=past.placement.source_px,
                probability=likely,
                threshold=UNSET if lowered is None else round(lowered, 6),
            )
            event = self._alerted(event, frame, cause)
            if event.severity == "candidate":
                event = msgspec.structs.replace(event, held=_held(UNSET, past.holds))
            self._make(past, change.track, event)
            if change.kind != "closed":
                return
            known = event
        closing = change.kind == "closed"
        event = msgspec.structs.replace(
            known,
            phase="closed" if closing else "updated",
            updated=known.updated if closing else stamp,
            closed=stamp if closing else None,
            peak=change.peak,
            box_px=change.box_px,
            sightings=change.sightings,
            probability=max(likely or 0.0, known.probability or 0.0),
        )
        told = told or closing or change.grew or cause is not None
        if told:
            event = msgspec.structs.replace(event, revision=known.revision + 1)
            self._make(past, change.track, self._alerted(event, frame, cause))
        else:
            past.events[change.track] = event
        if closing:
            del past.events[change.track]

    def _likely(self, change: Change, scores: NDArray[np.float32] | None) -> float | None:
        """Return the probability of a plume that was seen; None where it was not."""
        if change.kind == "closed" or scores is None:
            return None
        return round(probability(change.label, change.peak, scores, self._manifest), 6)

    def _identify(self, camera: str, frame: Frame, label: str, track: int) -> str:
        """Derive an event's id from content, so that a replay gives the same one."""
        digest = hashlib.sha256(f"{self._digest}\0{camera}\0{label}\0{track}\0{frame.model_ns}\0".encode())
        digest.update(frame.image.rgb().data)
        return digest.hexdigest()[:24]


def _held(before: tuple[str, ...] | UnsetType, holds: tuple[str, ...]) -> tuple[str, ...] | UnsetType:
    """Return the conditions that ever held an event back; absent where none did."""
    known = () if before is UNSET else before
    return (*known, *(name for name in holds if name not in known)) or UNSET
