"""Report page: one self-contained HTML document."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, partial
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from cityzoo.data.image.finding_kinds import KINDS
from cityzoo.data.series.findings import KINDS as SERIES_KINDS
from cityzoo.errors import escape_control
from cityzoo.evaluation.evaluate import BEFORE
from cityzoo.metrics.keys import look_up, pointer
from cityzoo.report import html_numbers, number_format
from cityzoo.report.charts import SvgChart, draw_chart, learning_curve, read_history
from cityzoo.report.layout import Chart, Layout, Table
from cityzoo.report.pages.shared import SECTIONS
from cityzoo.visualize.boxes import PALETTE

if TYPE_CHECKING:
    import jinja2

JPEG_WIDTH, JPEG_QUALITY = 1500, 86
FILTERS = ("format_count", "change_direction", "verdict_direction", "loss_label")
MOST_WORSE = 20  # regressions listed on the page


class Part(NamedTuple):
    """A part of the page: anchor, heading and HTML."""

    anchor: str
    title: str
    body: str


def page_html(
    report: Mapping[str, Any], folder: Path, layout: Layout, numbers_file: str = "report.json"
) -> str:
    """Return the page of a report as an HTML document without outside references.

    Every number is a `<data>` element with its place in report.json (`data-key`) and its unrounded value.

    Args:
        report: plain JSON values, see `write_report`; sections without data are left out.
        folder: with the example images and `history.csv`.
        layout: contents of the page.
        numbers_file: that holds the report, as the page names it.
    """
    context = _context(report, folder, layout) | {"numbers_file": numbers_file}
    parts = list(_parts(context))
    return _environment().get_template("report.html.jinja").render(context, parts=parts)


def _show(value: Any) -> Any:
    return escape_control(value, kept="\n\t") if type(value) is str else value


@cache
def _environment() -> jinja2.Environment:
    import jinja2

    sources = resources.files("cityzoo.report").joinpath("templates")
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(lambda name: sources.joinpath(name).read_text(encoding="utf-8")),
        autoescape=True,
        finalize=_show,
        undefined=jinja2.ChainableUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update({name: getattr(number_format, name) for name in FILTERS})
    return environment


def _context(report: Mapping[str, Any], folder: Path, layout: Layout) -> dict[str, Any]:
    history = read_history(folder / "history.csv", layout.curves)
    return {
        "report": report,
        "layout": layout,
        "look_up": partial(look_up, report),
        "number": partial(html_numbers.render_number, report),
        "interval": partial(html_numbers.render_interval, report),
        "change": _change,
        "metric_label": number_format.metric_label,
        "pointer": pointer,
        "split_sentence": partial(html_numbers.split_sentence, report),
        "table_rows": partial(html_numbers.table_rows, report),
        "percent": html_numbers.percent,
        "significant_first": _significant_first,
        "is_heat": _is_heat,
        "heat_total": partial(html_numbers.heat_total, report),
        "draw_all": partial(_draw_all, report),
        "jpeg_of": lambda stem: jpeg_base64(folder / f"{stem}.png"),
        "curve": learning_curve(history, layout.curves),
        "slices": html_numbers.slice_rows(report),
        "finding_kinds": {**KINDS, **SERIES_KINDS} if look_up(report, "findings/sensors") else KINDS,
        "colors": [f"rgb{color}" for color in PALETTE],
        "examples": report.get("examples", "windows" if "n_windows" in report else "images"),
        "BEFORE": BEFORE,
        "MOST_WORSE": MOST_WORSE,
    }


def _parts(context: Mapping[str, Any]) -> Iterator[Part]:
    """Yield the parts of the page that are not empty."""
    from markupsafe import Markup

    report, layout = context["report"], context["layout"]
    before_alone = set(report.get("compared") or ()) == {BEFORE}
    sections = {each.key: each for each in (*layout.sections, *SECTIONS) if look_up(report, each.key)}
    titles = {
        "compared": "Before and after fine-tuning" if before_alone else "Comparison",
        "metrics": "All metrics",
        "details": "Details",
        "slices": "Slices",
        **{key: section.title for key, section in sections.items()},
        "gallery": "Examples",
        "learned": "Learning curve",
        "data": "Data",
        "made": "Training",
        "card": "Model card",
    }
    for name, title in titles.items():
        template = _environment().get_template("section.jinja" if name in sections else f"{name}.jinja")
        body = template.render(context, shown=sections.get(name)).strip()
        if body:
            yield Part(name.split("/")[0], title, Markup(body))


def jpeg_base64(file: Path) -> str:
    """Return an image file as a base64 JPEG of limited size; "" if there is none."""
    from cityzoo.data.image.decode import open_header

    if not file.is_file():
        return ""
    with open_header(file) as opened:
        image = opened.convert("RGB")
    image.thumbnail((JPEG_WIDTH, 4 * JPEG_WIDTH))
    written = io.BytesIO()
    image.save(written, "JPEG", quality=JPEG_QUALITY, optimize=True)
    return base64.b64encode(written.getvalue()).decode("ascii")


def _change(after: Any, before: Any) -> str:
    known = number_format.is_number(after) and number_format.is_number(before)
    return number_format.format_signed(after - before if known else None)


def _significant_first(worse: Sequence[Mapping] | None) -> list[tuple[int, Mapping]]:
    return sorted(enumerate(worse or ()), key=lambda item: not item[1].get("sure"))


def _is_heat(table: Table) -> bool:
    return any(shown_as == "heat" for _, shown_as in table.columns.values())


def _draw_all(report: Mapping, charts: Sequence[Chart]) -> list[tuple[Chart, SvgChart]]:
    pairs = ((chart, draw_chart(chart, report)) for chart in charts)
    return [(chart, image) for chart, image in pairs if image.svg]
