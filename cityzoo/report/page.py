"""Lay out a report as one self-contained HTML page."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, partial
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from cityzoo.data.image.findings import KINDS
from cityzoo.data.series.findings import KINDS as SERIES_KINDS
from cityzoo.evaluation.evaluate import BEFORE
from cityzoo.metrics.keys import look_up, pointer
from cityzoo.report import html_numbers, number_format
from cityzoo.report.charts import Drawn, draw_chart
from cityzoo.report.layout import Chart, Layout, Table
from cityzoo.report.learning_curve import learning_curve, read_history
from cityzoo.report.pages.shared import SECTIONS
from cityzoo.report.slice_table import slice_rows
from cityzoo.visualize.boxes import PALETTE

if TYPE_CHECKING:
    import jinja2

JPEG_WIDTH, JPEG_QUALITY = 1500, 86
MOST_WORSE = 20  # of what got worse, said on the page


class Part(NamedTuple):
    """Hold a part of the page: its place for links, its heading and its HTML."""

    anchor: str
    title: str
    body: str


def page_html(report: Mapping, folder: Path, layout: Layout) -> str:
    """Return the page of a report: plain JSON values in, one HTML document without outside references out.

    Every number of the report stands in a `<data>` element with its place in report.json (`data-key`) and its unrounded
    value.

    Args:
        report: as `write_report` takes it; what is absent is left out of the page.
        folder: of the images of cases and of `history.csv`.
        layout: what is shown of the figures.

    Example:
        >>> from cityzoo.report.layout import Card
        >>> shown = Layout([Card("mae", "MAE", "mean error")], {"mae": "mean error"})
        >>> page_html({"task": "vehicle_count", "mae": 0.5}, Path("no/such/folder"), shown).count("0.500")
        2
    """
    context = _context(report, folder, layout)
    parts = list(_parts(context))
    return _environment().get_template("report.html.jinja").render(context, parts=parts)


@cache
def _environment() -> jinja2.Environment:
    import jinja2

    sources = resources.files("cityzoo.report").joinpath("templates")
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(lambda name: sources.joinpath(name).read_text(encoding="utf-8")),
        autoescape=True,
        undefined=jinja2.ChainableUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        {name: getattr(number_format, name) for name in ("count", "way", "verdict_direction", "loss_label")}
    )
    return environment


def _context(report: Mapping, folder: Path, layout: Layout) -> dict[str, Any]:
    history = read_history(folder / "history.csv", layout.curves)
    return {
        "report": report,
        "layout": layout,
        "look_up": partial(look_up, report),
        "figure": partial(html_numbers.figure, report),
        "between": partial(html_numbers.between, report),
        "change": _change,
        "named": number_format.named,
        "pointer": pointer,
        "parts_of": partial(html_numbers.parts_of, report),
        "rows_of": partial(html_numbers.rows_of, report),
        "percent": html_numbers.percent,
        "sure_first": _sure_first,
        "is_heat": _is_heat,
        "heat_total": partial(html_numbers.heat_total, report),
        "draw_all": partial(_draw_all, report),
        "jpeg_of": lambda stem: jpeg_base64(folder / f"{stem}.png"),
        "curve": learning_curve(history, layout.curves),
        "judged_slices": slice_rows(report),
        "finding_kinds": {**KINDS, **SERIES_KINDS} if look_up(report, "findings/sensors") else KINDS,
        "colours": [f"rgb{colour}" for colour in PALETTE],
        "BEFORE": BEFORE,
        "MOST_WORSE": MOST_WORSE,
    }


def _parts(context: Mapping[str, Any]) -> Iterator[Part]:
    """Yield the parts of the page that have something to say, in their order."""
    from markupsafe import Markup

    report, layout = context["report"], context["layout"]
    before_alone = set(report.get("compared") or ()) == {BEFORE}
    sections = {each.key: each for each in (*layout.sections, *SECTIONS) if look_up(report, each.key)}
    titles = {
        "compared": "Before and after" if before_alone else "Compared with others",
        "figures": "All figures",
        "details": "In detail",
        "slices": "Slice by slice",
        **{key: section.title for key, section in sections.items()},
        "gallery": "Look at it",
        "learned": "How it learned",
        "data": "The data",
        "made": "How it was made",
        "card": "Model card",
    }
    for name, title in titles.items():
        template = _environment().get_template("section.jinja" if name in sections else f"{name}.jinja")
        body = template.render(context, shown=sections.get(name)).strip()
        if body:
            yield Part(name.split("/")[0], title, Markup(body))


def jpeg_base64(file: Path) -> str:
    """Return an image as base64 of a JPEG, small enough for a page; "" where there is none.

    Example:
        >>> jpeg_base64(Path("no/such/file.png"))
        ''
    """
    from PIL import Image

    if not file.is_file():
        return ""
    with Image.open(file) as opened:
        image = opened.convert("RGB")
    image.thumbnail((JPEG_WIDTH, 4 * JPEG_WIDTH))
    written = io.BytesIO()
    image.save(written, "JPEG", quality=JPEG_QUALITY, optimize=True)
    return base64.b64encode(written.getvalue()).decode("ascii")


def _change(after: Any, before: Any) -> str:
    known = number_format.is_number(after) and number_format.is_number(before)
    return number_format.signed(after - before if known else None)


def _sure_first(worse: Sequence[Mapping] | None) -> list[tuple[int, Mapping]]:
    return sorted(enumerate(worse or ()), key=lambda item: not item[1].get("sure"))


def _is_heat(table: Table) -> bool:
    return any(shown_as == "heat" for _, shown_as in table.columns.values())


def _draw_all(report: Mapping, charts: Sequence[Chart]) -> list[tuple[Chart, Drawn]]:
    drawn = ((chart, draw_chart(chart, report)) for chart in charts)
    return [(chart, image) for chart, image in drawn if image.svg]
