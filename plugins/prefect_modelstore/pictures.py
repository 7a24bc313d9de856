"""How a model's metrics went from version to version: a picture, drawn without a display or a library.

It is a `data:` URL, which needs no place to be published at. The picture is SVG: a few hundred bytes a metric, sharp
at any size, and with text, which a hand-made PNG would lack.
"""

import base64
import math
from collections.abc import Sequence
from html import escape

from modelstore_core import ModelVersion

__all__ = ["metric_history"]

_MOST_METRICS = 4
_LONGEST = 40
_WIDTH, _HEIGHT, _TOP, _SIDE = 560, 110, 26, 14


def metric_history(versions: Sequence[ModelVersion]) -> str | None:
    """The metrics of these versions of one model, oldest first, as the URL of a picture; None with less than two.

    Of the newest version's metrics the first few are drawn, each for itself: their scales have nothing in common.
    """
    if not versions:
        return None
    lines = {metric: _points(versions, metric) for metric in versions[-1].metrics}
    drawn = [(metric, points) for metric, points in lines.items() if len(points) > 1][:_MOST_METRICS]
    if not drawn:
        return None
    panels = "".join(_panel(i * _HEIGHT, metric, points) for i, (metric, points) in enumerate(drawn))
    height = len(drawn) * _HEIGHT + 8
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" font-family="sans-serif" '
        f'font-size="11" fill="#555"><rect width="100%" height="100%" fill="#fff"/>{panels}</svg>'
    )
    return f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}"


_Point = tuple[ModelVersion, float]


def _points(versions: Sequence[ModelVersion], metric: str) -> list[_Point]:
    found = [(version, version.metrics.get(metric)) for version in versions]
    return [(version, float(value)) for version, value in found if value is not None and math.isfinite(value)]


def _panel(top: int, metric: str, points: Sequence[_Point]) -> str:
    values = [value for _, value in points]
    low, high = min(values), max(values)
    step = (_WIDTH - 2 * _SIDE) / (len(points) - 1)
    room = _HEIGHT - _TOP - 22

    def at(index: int, value: float) -> tuple[str, str]:
        share = (value - low) / (high - low) if high > low else 0.5
        return f"{_SIDE + index * step:.1f}", f"{top + _TOP + room * (1 - share):.1f}"

    places = [at(index, value) for index, value in enumerate(values)]
    parts = [
        _text(_SIDE, top + 15, metric, 'font-weight="bold" fill="#222"'),
        _text(_WIDTH - _SIDE, top + 15, f"{low:.6g} … {high:.6g}", 'text-anchor="end"'),
        f'<polyline fill="none" stroke="#2563eb" points="{" ".join(map(",".join, places))}"/>',
    ]
    for (version, value), (x, y) in zip(points, places, strict=True):
        said = ", ".join((f"{version.ref}: {value:.6g}", *version.aliases))
        size, color = (5, "#db2777") if version.aliases else (3, "#2563eb")
        parts.append(f'<circle cx="{x}" cy="{y}" r="{size}" fill="{color}"><title>{_plain(said)}</title></circle>')
    foot = top + _HEIGHT - 4
    parts += [
        _text(_SIDE, foot, str(points[0][0].number), ""),
        _text(_WIDTH - _SIDE, foot, str(points[-1][0].number), 'text-anchor="end"'),
    ]
    return "".join(parts)


def _text(x: int, y: int, text: str, more: str) -> str:
    return f'<text x="{x}" y="{y}" {more}>{_plain(text[:_LONGEST])}</text>'


def _plain(text: str) -> str:
    """Other people's text, such that it is no markup."""
    return escape("".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text))
