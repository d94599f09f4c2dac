"""Write docs/protocol.schema.json from the records of the code; `--check` only says whether it is up to date."""

from __future__ import annotations

import inspect
import json
import re
import sys
from pathlib import Path
from typing import Any

import msgspec

from edge.uplink.command import KINDS, Order, SignedCommand
from edge.uplink.gate import Answer
from edge.uplink.heartbeat import HealthDocument
from edge.uplink.payload import SCHEMA_ID, EventDocument, NoteDocument

PATH = Path(__file__).parents[1] / "docs/protocol.schema.json"
RECORDS: tuple[type[msgspec.Struct], ...] = (
    EventDocument,
    NoteDocument,
    HealthDocument,
    SignedCommand,
    Order,
    Answer,
)


def schema() -> dict[str, Any]:
    """Return the schema: any one of the payloads, each of them a definition of its own."""
    arguments = {kind.arguments: None for kind in KINDS.values()}
    records = (*RECORDS, *arguments)
    references, parts = msgspec.json.schema_components(records, ref_template="#/$defs/{name}")
    for part in parts.values():
        _describe(part)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA_ID,
        "title": "What a firetower sends and takes",
        "oneOf": list(references[: len(RECORDS)]),
        "$defs": json.loads(
            json.dumps(parts).replace(r"\\Z", "$")
        ),  # JSON Schema has JavaScript's expressions
    }


def _describe(part: dict[str, Any]) -> None:
    """Give each field its own words, out of the docstring of its record; the version of a payload is never left out."""
    summary, _, rest = inspect.cleandoc(part.get("description", "")).partition("\nAttributes:\n")
    if "description" in part:
        part["description"] = summary.strip()
    fields = re.split(r"\n(?=\S)", inspect.cleandoc(rest.partition("\n\n")[0])) if rest else []
    for names, _, words in (one.partition(": ") for one in fields):
        for name in names.split(", "):
            part["properties"][name]["description"] = " ".join(words.split())
    version = part.get("properties", {}).get("schema")
    if version is not None:
        version.pop("default")
        part["required"] = ["schema", *part["required"]]


def text() -> str:
    """Return the file's content."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def main() -> int:
    """Write the file, or check it."""
    if sys.argv[1:] == ["--check"]:
        same = PATH.read_text(encoding="utf-8") == text()
        print(
            "up to date" if same else f"{PATH.name} is not what the records say: python -m scripts.protocol"
        )
        return 0 if same else 1
    PATH.write_text(text(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
