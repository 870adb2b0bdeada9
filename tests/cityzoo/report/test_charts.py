"""Charts: what is drawn, in which colours, and letters that a phone can show."""

import re

import numpy as np
import pytest

from cityzoo.report.chart_series import COLORS, chart_lines
from cityzoo.report.charts import FONT, WIDTH, SvgChart, chart_image, draw_chart, learning_curve, read_history
from cityzoo.report.layout import Chart

CURVES = Chart("P & R", "curves", "recall", "precision", "recall", "precision", unit_square=True)


def report(names):
    """Lines of three points, each at a height of its own."""
    return {
        "curves": {n: {"recall": [0, 0.5, 1], "precision": [1, 0.5, i / 20]} for i, n in enumerate(names)}
    }


def paths(svg):
    """Pixels of the drawn lines, (points, 2) each, by colour and dashes."""
    found = {}
    for d, style in re.findall(r'<path d="([^"]*)"[^>]*style="fill: none; ([^"]*)"', svg):
        colour, dashed = re.search(r"stroke: (#\w+)", style)[1], "dasharray" in style
        found[colour, dashed] = np.array(re.findall(r"[ML] ([\d.]+) ([\d.]+)", d), float)
    return found


@pytest.fixture(scope="module")
def drawn():
    """Two named lines."""
    return draw_chart(CURVES, report(["<bus>", "car"]))


def test_points_lie_where_the_numbers_say(drawn):
    """The unit square is drawn to scale: equal steps of numbers are equal steps on paper, y upwards."""
    line = paths(drawn.svg)[COLORS[1], False]  # (0, 1), (.5, .5), (1, .05)
    x, y = line.T
    assert x[1] - x[0] == pytest.approx(x[2] - x[1], abs=1e-3) and x[0] < x[1]
    assert (y[2] - y[1]) / (y[1] - y[0]) == pytest.approx(0.45 / 0.5, rel=1e-3) and y[0] < y[1]


def test_letters_of_a_chart_are_legible_on_a_phone(drawn):
    """11 pixels or more where the page is 360 wide, with its 16 of margin on either side."""
    width = float(re.search(r'viewBox="0 0 ([\d.]+) ', drawn.svg)[1])
    sizes = [float(size) for size in re.findall(r"font-size: ([\d.]+)px", drawn.svg)]
    assert width == pytest.approx(WIDTH) and len(sizes) > 8 and set(sizes) == {FONT}
    assert min(sizes) * (360 - 2 * 16) / width >= 11
    assert set(re.findall(r"font[a-z-]*: ?[^;\"]*", drawn.svg)) == {"font-size: 14px", "font-family: inherit"}


def test_a_chart_brings_nothing_but_its_drawing(drawn):
    assert drawn.svg.startswith("<svg") and drawn.svg.endswith("</svg>")
    assert not re.search(r"https?:|xmlns|<metadata|<image", drawn.svg)
    assert 'role="img" aria-label="P &amp; R"' in drawn.svg and "<g id=" not in drawn.svg
    assert [entry.name for entry in drawn.legend] == ["<bus>", "car"]


def test_twelve_lines_can_be_told_apart_and_the_rest_is_named():
    """No colour with the same dashes twice; the line that sums up is always among them, dark."""
    lines, left_out = chart_lines(CURVES, report([*(f"c{i}" for i in range(14)), "all classes"]))
    assert len({(line.entry.color, line.entry.dashes) for line in lines}) == len(lines) == 12
    assert lines[-1].entry.name == "all classes" and lines[-1].entry.color not in COLORS
    assert left_out == ("c11", "c12", "c13")


@pytest.mark.parametrize("colour", COLORS)
def test_colours_stand_out_on_white(colour):
    """WCAG 2.1 wants a contrast of 3 : 1 of what is drawn."""
    channels = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    assert 1.05 / (linear @ [0.2126, 0.7152, 0.0722] + 0.05) >= 3


def test_unknown_points_are_left_out_and_empty_charts_are_not_drawn():
    gaps = {"curves": {"car": {"recall": [0, None, 1], "precision": [0.5, 0.4, float("nan")]}}}
    assert chart_lines(CURVES, gaps) == ([], ())  # a single point makes no line
    for nothing in ({}, {"curves": None}, {"curves": {}}, {"curves": {"car": None}}):
        assert draw_chart(CURVES, nothing) == SvgChart("")
        assert chart_image(CURVES, nothing) is None


def test_a_nameless_line_and_numbers_that_lines_share():
    own = {"bins": {"recall": [0.1, 0.9], "precision": [0.2, 0.8], "n": [3, 4]}}
    (line,), _ = chart_lines(Chart("", "bins", "recall", "precision", "", ""), own)
    assert (line.entry.name, line.x, line.y) == ("", [0.1, 0.9], [0.2, 0.8])
    shared = {"strengths": [0.2, 1], "losses": {"fog": {"loss": [0, -0.5]}, "rain": {"loss": [0.1, 0.3]}}}
    fog, rain = chart_lines(Chart("", "losses", "/strengths", "loss", "", ""), shared)[0]
    assert fog.x == rain.x == [0.2, 1] and fog.y == [0, -0.5]


def test_points_grow_with_what_they_stand_for():
    """Their area does, from a least size on."""
    chart = Chart("", "bins", "x", "y", "", "", size="n")
    ((_, _, _, sizes),), _ = chart_lines(chart, {"bins": {"x": [0, 1, 2], "y": [0, 1, 2], "n": [0, 25, 100]}})
    least, quarter, most = sizes
    assert quarter - least == pytest.approx((most - least) / 2)  # of a side, a quarter of the area
    ((_, _, _, alike),), _ = chart_lines(chart, {"bins": {"x": [0, 1], "y": [0, 1], "n": [0, 0]}})
    assert len(set(alike)) == 1


def test_points_on_a_diagonal_share_one_scale():
    """What lies on x = y in numbers lies on the grey line in the drawing."""
    chart = Chart("Counts", "scatter", "true", "counted", "", "", style="points", diagonal=True)
    svg = draw_chart(chart, {"scatter": {"true": [0, 10, 40], "counted": [0, 10, 60]}}).svg
    spots = np.array(
        re.findall(r'<use xlink:href="#\w+" x="([\d.]+)" y="([\d.]+)"[^>]*fill-opacity', svg), float
    )
    steps = np.diff(spots, axis=0)
    (ends,) = (line for (colour, dashed), line in paths(svg).items() if dashed)
    slope = np.diff(ends, axis=0)[0]
    assert steps[0][1] / steps[0][0] == pytest.approx(slope[1] / slope[0], rel=1e-3)
    assert steps[1][1] / steps[1][0] == pytest.approx(slope[1] / slope[0] * 50 / 30, rel=1e-3)


def test_an_image_of_a_chart_has_its_lines_and_room_for_their_names():
    few, many = (chart_image(CURVES, report([f"c{i}" for i in range(n)])) for n in (2, 10))
    assert few.dtype == np.uint8 and few.shape[-1] == 3 and many.shape[0] > few.shape[0]
    blue = (few == [int(COLORS[0][i : i + 2], 16) for i in (1, 3, 5)]).all(axis=-1)
    assert blue.sum() > 100


def test_the_learning_curve_says_the_last_figure_of_each_line(tmp_path):
    (tmp_path / "history.csv").write_text("epoch,val_AP,val_AP50,loss\n0,.1,.2,3\n1,,,2\n2,.3,.55,nan\n")
    history = read_history(tmp_path / "history.csv", ["val_AP", "val_AP50", "gone"])
    chart = learning_curve(history, {"val_AP": "AP", "val_AP50": "AP50"})
    assert [entry.name for entry in chart.legend] == ["AP 0.300", "AP50 0.550"]
    assert "epoch" in chart.svg and not learning_curve({"val_AP": [0.5]}, {"val_AP": "AP"}).svg
