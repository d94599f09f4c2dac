"""The card that travels with a bundle: what it is, how well it does, what it was made of and how it may be used."""

from __future__ import annotations

from pathlib import Path

from jinja2 import BaseLoader, Environment, FileSystemLoader, StrictUndefined


def render(template: Path, **values: object) -> str:
    """Write a card.

    Args:
        template: of an experiment; it extends `layout.md.jinja` beside this module.
        values: what it speaks of; `name` among them. One that is missing is an error.
    """
    folders = [template.parent, Path(__file__).parent]
    return environment(FileSystemLoader(folders)).get_template(template.name).render(**values)


def environment(loader: BaseLoader) -> Environment:
    """Return how Markdown is rendered here: what is missing is an error, a line of a block leaves no line."""
    return Environment(
        loader=loader,
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,  # noqa: S701 — Markdown: a page on disk, nothing of it is HTML
    )
