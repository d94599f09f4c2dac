"""The steps of the gate, in a few processes: each is skipped when it is done, the same command resumes."""

from __future__ import annotations

import functools
import logging
import multiprocessing
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any, TypeVar

import cv2
import msgspec

from edge.model.loaded import Model, load_model
from scoring.planted import Plant
from training.gate import plant, recording
from training.gate.recording import Recording
from training.gate.stream import Stream, shot_inputs
from training.step.step import Step, digests, find_step

logger = logging.getLogger(__name__)

METHOD = 3  # raised when the same inputs would give something else
Result = TypeVar("Result")


@functools.cache
def model_of(bundle: Path | None, backend: str | None) -> Model:
    """Return the model, loaded once a process."""
    cv2.setNumThreads(1)
    return load_model(bundle, backend)


def record_stream(bundle: Path | None, backend: str | None, work: Path, stream: Stream) -> Recording:
    """Return a stream's recording; the network runs only where there is none yet."""
    model = model_of(bundle, backend)
    inputs = {"method": METHOD, "bundle": model.bundle.digest, "file": model.file.sha256}
    step = find_step(work, "gate-recording", stream.name, inputs | {"stream": stream.inputs()})

    def make() -> dict[str, Any]:
        shots = stream.shots()
        made = recording.record(model, stream.name, shots, recording.from_files(shots))
        return {"files": digests(step.folder, *recording.save(made, step.folder, "recording"))}

    _once(step, make)
    return recording.load(step.file("recording.json"), step.file("recording.npz"))


def plant_lot(
    bundle: Path | None, backend: str | None, work: Path, lot: plant.Lot
) -> tuple[list[Plant], str]:
    """Return what became of the fires of a lot, and the folder with their pictures."""
    model = model_of(bundle, backend)
    inputs = {"method": METHOD, "bundle": model.bundle.digest, "file": model.file.sha256}
    made_of = inputs_of(lot)
    name = f"planted-{lot.fires[0].seed}"
    step = find_step(work, "gate-planted", name, inputs | made_of)
    _once(step, lambda: {"files": digests(step.folder, *plant.plant(model, lot, step.folder))})
    by = {"of": step.key} | ({} if model.bundle.manifest.horizon is None else {"horizon": "before ignition"})
    decided = find_step(work, "gate-decided", f"decided-{lot.fires[0].seed}", inputs | by)

    def decide() -> dict[str, Any]:
        plants = plant.decide_lot(model, lot, step.folder)
        return {"plants": msgspec.to_builtins(plants)}

    _once(decided, decide)
    return msgspec.convert(decided.read()["plants"], list[Plant]), str(step.folder)


def inputs_of(lot: plant.Lot) -> dict[str, object]:
    """Return what planted fires depend on besides the bundle: every picture by its digest."""
    return {
        "fires": [repr(fire) for fire in lot.fires],
        "frames": plant.FRAMES,
        "backgrounds": {
            name: [one.stream, one.group, shot_inputs(one.shots)] for name, one in lot.backgrounds.items()
        },
        "cuts": {
            name: [part.truth.frames, shot_inputs(Stream("", (part,)).shots())]
            for name, part in lot.cuts.items()
        },
    }


def _once(step: Step, make: Callable[[], dict[str, Any]]) -> None:
    if step.record() is None:
        with step.alone():
            if step.record() is None:
                step.finish(make())


def each(
    what: str, call: Callable[..., Result], tasks: Sequence[tuple[Any, ...]], processes: int
) -> list[Result]:
    """Call a function for each task, in a few processes, and say how long it will take.

    Args:
        what: for the log.
        call: of this module; so that a new process finds it.
        tasks: its arguments.
        processes: 1 works in this one.
    Raises:
        What the first call that fails raises; the others that have begun are finished first.
    """
    started = time.monotonic()

    def told(number: int) -> None:
        passed_s = time.monotonic() - started
        logger.info(
            "%s: %d of %d, %.0f s left", what, number, len(tasks), passed_s / number * (len(tasks) - number)
        )

    results: dict[int, Result] = {}
    for number, (index, result) in enumerate(_done(call, tasks, processes), 1):
        results[index] = result
        told(number)
    return [results[index] for index in range(len(tasks))]


def _done(
    call: Callable[..., Result], tasks: Sequence[tuple[Any, ...]], processes: int
) -> Iterator[tuple[int, Result]]:
    if processes == 1 or len(tasks) < 2:
        for index, task in enumerate(tasks):
            yield index, call(*task)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(processes, len(tasks)), mp_context=context) as pool:
        waiting: dict[Future[Result], int] = {
            pool.submit(call, *task): index for index, task in enumerate(tasks)
        }
        try:
            for future in as_completed(waiting):
                yield waiting[future], future.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
