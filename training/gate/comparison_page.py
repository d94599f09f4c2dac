"""The page of a comparison of two arms, from its result alone; prose stands in `template/arms.md.jinja`."""

from __future__ import annotations

import os
import re
from pathlib import Path

from training.gate.comparison import Comparison
from training.gate.page import templates
from training.step.step import write_whole


def render(result: Comparison, source: Path | None) -> str:
    """Return the page.

    Args:
        result: of one comparison.
        source: the result file, relative to the page.
    """
    text = templates().get_template("arms.md.jinja").render(result=result, source=source)
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def write(result: Comparison, path: Path, source: Path | None) -> None:
    """Write the page.

    Args:
        result: of one comparison.
        path: of the page.
        source: where the result was written, to be linked to.
    """
    link = None if source is None else Path(os.path.relpath(source, path.parent))
    text = render(result, link)
    write_whole(path, lambda partial: partial.write_text(text, encoding="utf-8"))
