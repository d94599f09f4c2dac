"""The report of a run as files: `report.json` with every figure and sample, `report.html` for people."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import msgspec

from edge.document import read_text
from firmware_sim.tower.account import Summary, account
from firmware_sim.tower.report.errors import ReportError
from firmware_sim.tower.report.page import PAGE_BYTES_MAX, render
from firmware_sim.tower.report.picture import Pictures, choose
from firmware_sim.tower.run import Run

SCHEMA = "firetower.simulation/1.0"
JSON_NAME, PAGE_NAME = "report.json", "report.html"
_SCHEMA = re.compile(r"firetower\.simulation/(\d{1,6})\.\d{1,6}")
_BYTES_MAX = 512_000_000
_FRAME_BYTES = 4000  # of a picture's card in the page, at most


class Header(msgspec.Struct, frozen=True):
    """What every version of a report says."""

    schema: str


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """One file.

    Attributes:
        schema: its kind and version.
        summary: every figure.
        run: all that they were made from, without what depends on the machine.
    """

    schema: str
    summary: Summary
    run: Run


@dataclass(frozen=True, slots=True)
class Written:
    """What was written.

    Attributes:
        json, page: the files.
        summary: every figure.
        pictures: in the page, left out of it, and missing.
    """

    json: Path
    page: Path
    summary: Summary
    pictures: Pictures


def write(run: Run, folder: Path) -> Written:
    """Write the report of a run; the same run and pictures give the same bytes.

    Args:
        run: all that happened.
        folder: of the run, with its pictures; the report goes there, too.

    Raises:
        OSError: it cannot be written.
        ValueError: the run states a demand that there is not.
    """
    run = msgspec.structs.replace(run, wall_s=None)
    report = Report(schema=SCHEMA, summary=account(run), run=run)
    bare = len(render(run, report.summary, Pictures({}, len(run.events), len(run.events))).encode())
    pictures = choose(run.events, folder, PAGE_BYTES_MAX - bare, _FRAME_BYTES)
    page = render(run, report.summary, pictures).encode()
    assert len(page) <= PAGE_BYTES_MAX, f"the page has {len(page)} bytes"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / JSON_NAME).write_bytes(encode(report))
    (folder / PAGE_NAME).write_bytes(page)
    return Written(folder / JSON_NAME, folder / PAGE_NAME, report.summary, pictures)


def encode(report: Report) -> bytes:
    """Return a report as JSON; dicts are sorted, so that the same report has the same bytes."""
    return msgspec.json.encode(report, order="deterministic") + b"\n"


def read(path: Path) -> Report:
    """Read and check one report.

    Raises:
        ReportError: it cannot be read, is none, or is of another version.
    """
    try:
        text = read_text(path, _BYTES_MAX)
    except OSError as error:
        raise ReportError(f"{path}: cannot be read: {error.strerror}") from error
    try:
        schema = msgspec.json.decode(text, type=Header).schema
        match = _SCHEMA.fullmatch(schema)
        if match is None or match[1] != "1":
            raise ReportError(
                f"{path}: schema {schema[:80]!r}; expected firetower.simulation/1.x, as this firetower writes it"
            )
        return msgspec.json.decode(text, type=Report)
    except (msgspec.MsgspecError, RecursionError, OverflowError) as error:
        raise ReportError(f"{path}: no report of `firetower sim run`: {error}") from error
