"""Write docs/protocol.schema.json and the fields in docs/protocol.md from the records of the code.

`python -m scripts.protocol` writes; with `--check` it only says whether they are up to date.
"""

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

DOCS = Path(__file__).parents[1] / "docs"
SCHEMA, PAGE = DOCS / "protocol.schema.json", DOCS / "protocol.md"
RECORDS: tuple[type[msgspec.Struct], ...] = (
    EventDocument,
    NoteDocument,
    HealthDocument,
    SignedCommand,
    Order,
    Answer,
)
BEGIN, END = "<!-- fields: python -m scripts.protocol -->\n", "<!-- end of the fields -->\n"


def schema() -> dict[str, Any]:
    """Return the schema: any one of the payloads, each of them and their parts a definition of its own."""
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
        "$defs": json.loads(json.dumps(parts).replace(r"\\Z", "$")),  # its expressions are JavaScript's
    }


def schema_text() -> str:
    """Return the content of the schema's file."""
    return json.dumps(schema(), indent=1, ensure_ascii=False) + "\n"


def page_text(page: str) -> str:
    """Return the page with its fields as they are."""
    before, _, rest = page.partition(BEGIN)
    return f"{before}{BEGIN}\n{fields()}{END}{rest.partition(END)[2]}"


def fields() -> str:
    """Return a heading and a table for each record."""
    parts = schema()["$defs"]
    return "".join(
        f"### {name}\n\n{part['description']}\n\n| field | type | meaning |\n|---|---|---|\n{_rows(part)}\n"
        for name, part in parts.items()
    )


def main() -> int:
    """Write the files, or check them."""
    wanted = {SCHEMA: schema_text(), PAGE: page_text(PAGE.read_text(encoding="utf-8"))}
    if sys.argv[1:] != ["--check"]:
        for path, text in wanted.items():
            path.write_text(text, encoding="utf-8")
        return 0
    stale = [path.name for path, text in wanted.items() if path.read_text(encoding="utf-8") != text]
    if stale:
        print(f"not what the records say: {', '.join(stale)}; run python -m scripts.protocol")
    return 1 if stale else 0


def _describe(part: dict[str, Any]) -> None:
    """Give each field its own words, out of the docstring of its record; the version of a payload is never left out."""
    summary, _, rest = inspect.cleandoc(part["description"]).partition("\nAttributes:\n")
    part["description"] = summary.strip()
    lines = re.split(r"\n(?=\S)", inspect.cleandoc(rest.partition("\n\n")[0])) if rest else []
    for names, _, words in (line.partition(": ") for line in lines):
        for name in names.split(", "):
            part["properties"][name]["description"] = " ".join(words.split())
    version = part["properties"].get("schema")
    if version is not None:
        version.pop("default")
        part["required"] = ["schema", *part["required"]]


def _rows(part: dict[str, Any]) -> str:
    return "".join(
        f"| `{name}` | {_type(field)} | {field['description'].replace('|', '¦')} |\n"
        for name, field in part["properties"].items()
    )


def _type(field: dict[str, Any]) -> str:
    """Name a type for people."""
    if "anyOf" in field:
        return " or ".join(_type(one) for one in field["anyOf"])
    if "$ref" in field:
        name = field["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "enum" in field:
        return ", ".join(f'`"{one}"`' if one is not None else "null" for one in field["enum"])
    if field.get("type") == "array":
        if "prefixItems" in field:
            return f"[{', '.join(_type(one) for one in field['prefixItems'])}]"
        return f"list of {_type(field['items'])}"
    values = field.get("additionalProperties")
    return f"{{name: {_type(values)}}}" if isinstance(values, dict) else str(field.get("type", "any"))


if __name__ == "__main__":
    sys.exit(main())
