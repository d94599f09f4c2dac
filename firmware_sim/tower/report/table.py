"""Tables of the page: a head in every one, and no more rows than the page has room for."""

from __future__ import annotations

from collections.abc import Sequence

from firmware_sim.tower.report.markup import Html, Node, cut, element, join

ROWS_MAX = 200
_CELL_MAX = 240  # bytes of a cell's text


def table(caption: str, head: Sequence[str], rows: Sequence[Sequence[Node]]) -> Html | None:
    """Return a table; on a phone each row becomes a block, its cells named by the head.

    Args:
        caption: says what it is.
        head: of each column; the first one names the row.
        rows: of cells.

    Returns:
        None without rows.
    """
    if not rows:
        return None
    body = [_row(head, row) for row in rows[:ROWS_MAX]]
    more = len(rows) - ROWS_MAX
    return join(
        element(
            "table",
            element("caption", caption),
            element("thead", element("tr", [element("th", word, scope="col") for word in head])),
            element("tbody", body),
        ),
        element("p", f"{more} more rows are in report.json.", class_="note") if more > 0 else None,
    )


def facts(caption: str, pairs: Sequence[tuple[str, Node]]) -> Html:
    """Return a table of two columns whose rows have heads."""
    rows = [
        element("tr", element("th", _cell(name), scope="row"), element("td", _cell(value)))
        for name, value in pairs[:ROWS_MAX]
    ]
    return element("table", element("caption", caption), element("tbody", rows), class_="facts")


def _row(head: Sequence[str], row: Sequence[Node]) -> Html:
    first, *rest = row
    return element(
        "tr",
        element("th", _cell(first), scope="row"),
        [element("td", _cell(cell), data_head=word) for word, cell in zip(head[1:], rest, strict=True)],
    )


def _cell(node: Node) -> Node:
    return cut(node, _CELL_MAX) if isinstance(node, str) and not isinstance(node, Html) else node
