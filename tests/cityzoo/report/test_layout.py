"""Each page: all metrics on it, nothing from elsewhere, complete where metrics are missing."""

import json
import re

import numpy as np
import pytest
from PIL import Image

from cityzoo.errors import InputError
from cityzoo.metrics.coco import SUMMARY
from cityzoo.metrics.keys import look_up, pointer
from cityzoo.report import pages
from cityzoo.report.number_format import format_count, format_score, format_share
from cityzoo.report.page import page_html

NAMES = ("<b>us", "car & van")


def rows(columns, start):
    """A row of figures for each class, no two alike."""
    return {
        name: {column: round(start + 0.1 * i + 0.011 * j, 3) for j, column in enumerate(columns)}
        for i, name in enumerate(NAMES)
    }


def reports():
    """Page -> report with all metrics that its layout names."""
    classes = rows(("precision", "recall", "f1", "auroc", "ap"), 0.3)
    for number, row in enumerate(classes.values()):
        row["n"] = 1234 + number
    confusion = {true: {said: 10 * i + j for j, said in enumerate(NAMES)} for i, true in enumerate(NAMES)}
    one = {
        "balanced_accuracy": 0.612,
        "accuracy": 0.723,
        "macro_f1": 0.634,
        "mean_auroc": 0.945,
        "mean_ap": 0.856,
    }
    points = {"recall": 0.31, "false_alarms_per_1000": 4.7, "frames_without": 213, "smallest_rate_shown": 9.3}
    points["max_false_alarms_per_1000"] = 2.5
    alarms = {name: {"threshold": 0.517 + 0.1 * i, **points} for i, name in enumerate(NAMES)}
    counts = {
        "mae": 1.234,
        "rmse": 2.345,
        "bias": -0.456,
        "r2": 0.567,
        "mae_of_mean": 3.678,
        "mae_share_of_mean": 0.335,
    }
    crowd = {"1 to 5": {"n": 17, "mean_count": 3.25, "mae": 0.815, "bias": -0.125, "relative": 0.26}}
    point = {"score": 0.375, "precision": 0.81, "recall": 0.72, "f1": 0.762}
    boxes = rows(("AP", "AP50", "AR"), 0.4)
    anomalies = {"image_auroc": 0.971, "pixel_auroc": 0.882, "image_ap": 0.913}
    return {
        "detection": {n: round(0.401 + 0.01 * i, 3) for i, n in enumerate(SUMMARY)}
        | {"operating_point": point, "per_class": {n: {**r, "n_boxes": 7} for n, r in boxes.items()}},
        "classification": {**one, "loss": 0.489, "per_class": classes, "confusion": confusion},
        "multilabel": {
            "mean_auroc": 0.945,
            "mean_ap": 0.856,
            "macro_f1": 0.634,
            "loss": 0.489,
            "per_class": classes,
            "alarms": alarms,
        },
        "counting": {**counts, "mean_count": 7.891, "by_crowding": crowd},
        "anomaly": {
            **anomalies,
            "alarm": {"threshold": 12.345, "recall": 0.43, "max_false_alarms_per_1000": 2.5},
        },
    }


def layout_of(name, report):
    """The layout of a page."""
    return pages.find(name)(report, NAMES)


def page(name, folder, **change):
    """The page of a report, the report and its layout."""
    report = {"task": "a_task", "backbone": "slim", **reports()[name], **change}
    layout = layout_of(name, report)
    return page_html(report, folder, layout), report, layout


each_page = pytest.mark.parametrize("name", reports())


@each_page
def test_cards_show_their_figure_and_its_value(name, tmp_path):
    """All four, in order, rounded as they say."""
    html, report, layout = page(name, tmp_path)
    shown = re.findall(r'<data data-key="([^"]+)" value="([^"]+)">([^<]+)</data>', html)
    assert [key for key, _, _ in shown][: len(layout.cards)] == [card.key for card in layout.cards]
    for card, (_, value, said) in zip(layout.cards, shown, strict=False):
        assert json.loads(value) == look_up(report, card.key)
        assert said == {"score": format_score, "share": format_share}[card.shown_as](
            look_up(report, card.key)
        )


@each_page
def test_every_figure_of_the_layout_is_on_the_page(name, tmp_path):
    """With what it says, and every cell of every table."""
    html, report, layout = page(name, tmp_path)
    text = re.sub(r"<[^>]*>", "\n", html)
    for key, meaning in layout.meanings.items():
        if key in report:
            assert meaning in html and format_score(report[key]) in text.split("\n"), key
    for table in layout.tables:
        assert (table.title in html) == bool(look_up(report, table.key))
        for name in look_up(report, table.key) or ():
            for column, (heading, shown_as) in table.columns.items():
                value = look_up(report, f"{table.key}/{pointer(name)}/{column}")
                said = {"share": format_share, "count": format_count, "heat": format_count}.get(
                    shown_as, format_score
                )(value)
                assert said in text.split("\n"), (table.title, column)
                assert heading.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;") in html
    assert "{" not in re.sub(r"(?s)<style>.*?</style>", "", html)  # the remark's numbers are in their places


@each_page
def test_nothing_comes_from_elsewhere_and_names_are_text(name, tmp_path):
    """With images and curves of the layout in the folder."""
    _, _, layout = page(name, tmp_path)
    for stem in layout.images:
        Image.fromarray(np.full((20, 30, 3), 99, np.uint8)).save(tmp_path / f"{stem}.png")
    columns = ",".join(layout.curves)
    (tmp_path / "history.csv").write_text(
        f"epoch,{columns}\n" + "".join(f"{e}{',0.5' * len(layout.curves)}\n" for e in (1, 2))
    )
    html, _, _ = page(name, tmp_path)
    assert html.count("data:image/jpeg;base64,") == len(layout.images) > 1
    assert ("<svg" in html) == bool(layout.curves)
    assert all(title in html for title in layout.images.values())
    bare = re.sub(r"base64,[^\"]*", "base64,", html)
    assert not re.search(r"https?:|//\w|<script|<link|@import|<iframe", bare)
    assert "<b>us" not in html and html.rstrip().endswith("</html>")


@each_page
def test_missing_figures_leave_a_page(name, tmp_path):
    """Each gone, each None, and all of them; a None is a dash and never a word of Python."""
    report = reports()[name]
    for key in report:
        for changed in ({k: v for k, v in report.items() if k != key}, {**report, key: None}):
            html = page_html(changed, tmp_path, layout_of(name, changed))
            assert html.rstrip().endswith("</html>")
            assert "None" not in html and "undefined" not in html.lower()
    assert "<h1>" in page_html({}, tmp_path, layout_of(name, {}))


@pytest.mark.parametrize("name", ["detection", "classification", "multilabel", "counting"])
def test_missing_cells_are_dashes(name, tmp_path):
    """A class without images has rows of None."""
    _, report, layout = page(name, tmp_path)
    table = layout.tables[0]
    empty = {row: dict.fromkeys(cells) for row, cells in report[table.key].items()}
    html, _, _ = page(name, tmp_path, **{table.key: empty})
    part = html.split(table.title)[1].split("</table>")[0]
    assert part.count("–") == len(empty) * len(table.columns) and "None" not in part


@pytest.mark.parametrize(("after", "css"), [(1.0, "up"), (2.0, "down")])
def test_errors_are_better_when_lower(after, css, tmp_path):
    html, _, _ = page("counting", tmp_path, mae=after, before={"mae": 1.5})
    row = html.split('<th scope="row">MAE</th>')[1].split("</tr>")[0]
    assert f'class="{css}"' in row


def test_remarks_need_their_numbers(tmp_path):
    """No operating point and no threshold, no sentence about them."""
    for name, key, word in (("detection", "operating_point", "best"), ("anomaly", "alarm", "An alarm is")):
        report = reports()[name]
        assert layout_of(name, report).remark
        assert not layout_of(name, {}).remark and not layout_of(name, {**report, key: None}).remark, word
    none = {"alarm": {"threshold": None, "recall": None}}
    assert not layout_of("anomaly", none).remark


def test_the_allowed_rate_of_false_alarms_is_on_the_page(tmp_path):
    html, _, layout = page("multilabel", tmp_path)
    assert "max_false_alarms_per_1000" in layout.tables[0].columns and ">2.5</data>" in html
    html, _, _ = page("anomaly", tmp_path)
    assert re.search(r"at most <data[^>]*>2.5</data> false alarms per 1,000", html)


def test_pages_are_found_by_name():
    assert pages.find("multilabel") is pages.multilabel.layout
    with pytest.raises(InputError, match="'shared'.*anomaly.*multilabel"):
        pages.find("shared")


@pytest.mark.parametrize(
    ("key", "value"),
    [("a", {"b": 1}), ("a/b", 1), ("a/b/c", None), ("x", None), ("x/y", None), ("none/b", None)],
)
def test_what_is_not_there_is_none(key, value):
    assert look_up({"a": {"b": 1}, "none": None}, key) == value
