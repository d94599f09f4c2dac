"""The status page: one plain HTML document without scripts or outside resources, readable on a phone."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape as escape_html

from edge.health import UNHEALTHY, CameraHealth, Health
from edge.text import plain

REFRESH_S = 10
_STYLE = """
:root{color-scheme:light dark}
body{font:16px/1.4 system-ui,sans-serif;margin:1rem auto;max-width:46rem;padding:0 1rem}
h1{font-size:1.4rem}h2{font-size:1.1rem;margin:1.4rem 0 .3rem}table{border-collapse:collapse;width:100%}
td,th{text-align:left;vertical-align:top;padding:.2rem .6rem .2rem 0;border-bottom:1px solid #8884}
td{overflow-wrap:anywhere}.bad{color:#c22;font-weight:bold}.good{color:#292;font-weight:bold}
"""


def render(tower: str, status: Mapping[str, object], health: Health) -> str:
    """Return the page.

    Args:
        tower: its name.
        status: what `/status.json` shows; tables in tables become headings and rows.
        health: of the cameras.
    """
    name = escape(tower)
    verdict = '<p class="good">healthy</p>' if health.healthy else '<p class="bad">unhealthy</p>'
    sections = "".join(_section(key, value) for key, value in status.items())
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<meta http-equiv="refresh" content="{REFRESH_S}"><title>{name} · firetower</title>'
        f"<style>{_STYLE}</style></head><body><h1>{name}</h1>{verdict}"
        f"<h2>cameras</h2><table>{''.join(_camera(*item) for item in health.cameras.items())}</table>"
        f'{sections}<p><a href="/status.json">status.json</a> · <a href="/health">health</a> · '
        '<a href="/metrics">metrics</a></p></body></html>'
    )


def escape(text: str) -> str:
    """Return a text that is only read, whoever wrote it."""
    return escape_html(plain(text))


def _camera(name: str, camera: CameraHealth) -> str:
    """Return one camera's row."""
    mood = "bad" if camera.state in UNHEALTHY else "good"
    age = "–" if camera.age_s is None else f"{camera.age_s:.1f} s ago"
    shown = escape(f" · {', '.join(camera.conditions)}") if camera.conditions else ""
    return (
        f'<tr><th>{escape(name)}</th><td class="{mood}">{escape(camera.state)}</td>'
        f"<td>{age}</td><td>{escape(camera.reason)}{shown}</td></tr>"
    )


def _section(key: str, value: object) -> str:
    """Return a heading with a table of all that is below it."""
    return f"<h2>{escape(str(key))}</h2><table>{''.join(_rows('', value))}</table>"


def _rows(path: str, value: object) -> list[str]:
    """Return a row for each plain value, named by its path."""
    if isinstance(value, Mapping):
        prefix = f"{path} · " if path else ""
        return [row for key, inner in value.items() for row in _rows(f"{prefix}{key}", inner)]
    return [f"<tr><th>{escape(path)}</th><td>{escape(_plain(value))}</td></tr>"]


def _plain(value: object) -> str:
    """Return a value for people; unknown is a dash."""
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 1000 else f"{value:.0f}"
    if isinstance(value, list | tuple):
        return ", ".join(_plain(item) for item in value) or "none"
    return str(value)
