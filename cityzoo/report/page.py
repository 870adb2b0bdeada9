"""Lay out a report as one self-contained HTML page."""

from __future__ import annotations

import base64
import io
import json
import re
from collections.abc import Mapping
from functools import partial
from importlib import resources
from pathlib import Path

from cityzoo.data.findings import KINDS
from cityzoo.report.curve import curve_svg, read_history
from cityzoo.report.drawing import PALETTE
from cityzoo.report.layout import Layout, look_up

JPEG_WIDTH, JPEG_QUALITY = 1500, 86


def page_html(report: Mapping, folder: Path, layout: Layout) -> str:
    """Return the page of a report: plain JSON values in, one HTML document without outside references out.

    Args:
        report: as `write_report` takes it; what is absent is left out of the page.
        folder: of the pictures of cases and of `history.csv`.
        layout: what is shown of the figures.

    Example:
        >>> from cityzoo.report.layout import Card
        >>> shown = Layout([Card("mae", "MAE", "mean error")], {"mae": "mean error"})
        >>> page_html({"task": "vehicle_count", "mae": 0.5}, Path("no/such/folder"), shown).count("0.500")
        2
    """
    import jinja2

    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.ChainableUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(
        score=score, share=share, change=change, duration=duration, count=count, text=text, way=way
    )
    environment.filters["as"] = _as
    template = resources.files("cityzoo.report").joinpath("report.html.jinja").read_text(encoding="utf-8")
    pictures = {kind: (title, jpeg_base64(folder / f"{kind}.png")) for kind, title in layout.pictures.items()}
    return environment.from_string(template).render(
        report=report,
        layout=layout,
        remark=re.split(r"\{([\w.]+)\}", layout.remark),  # words, key, words, key ...
        look_up=partial(look_up, report),
        finding_kinds=KINDS,
        pictures={kind: shown for kind, shown in pictures.items() if shown[1]},
        colours=[f"rgb{colour}" for colour in PALETTE],
        curve=curve_svg(read_history(folder / "history.csv", layout.curves), layout.curves),
    )


def jpeg_base64(file: Path) -> str:
    """Return a picture as base64 of a JPEG, small enough for a page; "" where there is none.

    Example:
        >>> jpeg_base64(Path("no/such/file.png"))
        ''
    """
    from PIL import Image

    if not file.is_file():
        return ""
    with Image.open(file) as opened:
        picture = opened.convert("RGB")
    picture.thumbnail((JPEG_WIDTH, 4 * JPEG_WIDTH))
    written = io.BytesIO()
    picture.save(written, "JPEG", quality=JPEG_QUALITY, optimize=True)
    return base64.b64encode(written.getvalue()).decode("ascii")


def score(value: float | None) -> str:
    """Return a metric of 0..1 with three digits, a dash for none.

    Example:
        >>> score(0.49949), score(None)
        ('0.499', '–')
    """
    return "–" if not _is_number(value) else f"{value:.3f}"


def share(value: float | None) -> str:
    """Return a share of 0..1 in per cent.

    Example:
        >>> share(0.7), share(None)
        ('70 %', '–')
    """
    return "–" if not _is_number(value) else f"{100 * value:.0f} %"


def change(after: float | None, before: float | None) -> str:
    """Return the difference of two metrics with its sign.

    Example:
        >>> change(0.5, 0.125), change(0.25, 0.5), change(0.5, None)
        ('+0.375', '−0.250', '–')
    """
    if not _is_number(after) or not _is_number(before):
        return "–"
    return f"{after - before:+.3f}".replace("-", "−")


def way(after: float | None, before: float | None, lower: bool = False) -> str:
    """Return "up" for a metric that got better by a digit that is shown, "down" for worse, "" for neither.

    Example:
        >>> way(0.5, 0.4), way(0.5, 0.4, lower=True), way(0.5, 0.5), way(None, 0.5)
        ('up', 'down', '', '')
    """
    moved = change(after, before)
    if moved[0] not in "+−" or moved in ("+0.000", "−0.000"):
        return ""
    return "up" if moved.startswith("−" if lower else "+") else "down"


def _as(value: object, shown_as: str) -> str:
    return {"score": score, "bar": score, "share": share, "count": count, "text": text}[shown_as](value)


def duration(seconds: float | None) -> str:
    """Return seconds as people say them.

    Example:
        >>> duration(4.25), duration(370), duration(7260), duration(None)
        ('4.2 s', '6 min 10 s', '2 h 1 min', '–')
    """
    if not _is_number(seconds):
        return "–"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def count(value: float | None) -> str:
    """Return a number with its thousands set apart.

    Example:
        >>> count(187), count(4.5), count(1870241).split()
        ('187', '4.5', ['1', '870', '241'])
    """
    if not _is_number(value):
        return "–"
    shown = f"{value:,}" if isinstance(value, int) else f"{value:,.1f}"
    return shown.replace(",", "\N{NARROW NO-BREAK SPACE}")


def text(value: object) -> str:
    """Return any value of the spec in one line.

    Example:
        >>> text(None), text(True), text([256, 256]), text("C4")
        ('–', 'yes', '[256, 256]', 'C4')
    """
    if value is None or value == "":
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float)
