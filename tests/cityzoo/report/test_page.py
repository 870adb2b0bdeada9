"""The whole page: each number is report.json's, rounded; each section is there with its figures and only then."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from cityzoo.evaluation.robustness.conditions import STRENGTHS
from cityzoo.metrics.keys import look_up, pointer
from cityzoo.report.layout import Card, Layout, Section, Table
from cityzoo.report.model_card import model_card
from cityzoo.report.page import page_html
from cityzoo.report.pages import classification, detection
from cityzoo.report.pages.shared import ROBUSTNESS
from cityzoo.report.write import write_report
from tests.cityzoo.report import full_report

NOWHERE = Path("no/such/folder")
# Of the long numbers behind charts, and of what is said otherwise, the page shows no cells.
UNSHOWN = re.compile(
    r"curves/|calibration/(?!table)|scatter/|robustness/(strengths|corruptions/[^/]*/values|seconds|lower)|spec/"
    r"|n_detections|before/(?!AP|AR|bal|acc|mac|mean|loss)|explanations/sanity/passed"
)


class Data(HTMLParser):
    """Gathers (key, value, text) of the `<data>` elements of a page, and the text between all others."""

    def __init__(self, html):
        super().__init__()
        self.found, self.rest, self.open, self.beside = [], [], None, None
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        """Begin an element."""
        if tag == "data":
            self.open = [dict(attributes)["data-key"], dict(attributes)["value"], ""]
        elif tag in ("svg", "style") and not self.beside:
            self.beside = tag

    def handle_endtag(self, tag):
        """End it."""
        if tag == "data":
            self.found.append(tuple(self.open))
            self.open = None
        elif tag == self.beside:
            self.beside = None

    def handle_data(self, data):
        """Read text."""
        if self.open:
            self.open[2] += data
        elif not self.beside:
            self.rest.append(data)


def numbers(value, *place):
    """Places of the numbers in a report."""
    if isinstance(value, dict | list):
        for name, each in value.items() if isinstance(value, dict) else enumerate(value):
            yield from numbers(each, *place, name)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield pointer(*place)


def seconds_of(said):
    """Seconds of "6 min 12 s"."""
    return sum(
        float(n) * {"s": 1, "min": 60, "h": 3600}[unit] for n, unit in re.findall(r"([\d.]+) (\w+)", said)
    )


def shows(value, said):
    """Whether a text is a number, rounded to as many digits as the text has."""
    if isinstance(value, bool | list | dict) or said == json.dumps(value):
        return said == {True: "yes", False: "no"}.get(
            value if isinstance(value, bool) else None, json.dumps(value)
        )
    if re.search(r"\d (s|min|h)\b", said):
        return abs(seconds_of(said) - value) <= 0.5
    plain = said.replace("\u202f", "").replace("−", "-").replace("+", "")
    digits = len(plain.removesuffix(" %").partition(".")[2])
    size = 100 if plain.endswith(" %") else 1
    return abs(float(plain.removesuffix(" %")) - size * value) <= 0.5 * 10**-digits + 1e-9


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """Both kinds of reports, written: kind -> (report.json, page)."""
    written = {}
    for name, report, layout in (
        ("detection", full_report.detection_report(), detection.layout),
        (
            "classification",
            full_report.classification_report(),
            classification.layout,
        ),
    ):
        report["model_card"] = model_card(report, "what streets show")
        files = write_report(tmp_path_factory.mktemp(name), report, layout(report, full_report.STATES))
        written[name] = json.loads(files[0].read_text()), files[1].read_text()
    return written


both = pytest.mark.parametrize("name", ["detection", "classification"])


@both
def test_each_number_is_that_of_the_report(name, pages):
    """The value to the last digit, its text rounded."""
    report, html = pages[name]
    found = Data(html).found
    assert len(found) > 200
    for key, value, said in found:
        assert json.loads(value) == look_up(report, key), key
        assert shows(look_up(report, key), said), (key, value, said)


@both
def test_each_number_of_the_report_is_there_as_one(name, pages):
    """Not as loose text; that of "change" is a difference which the report leaves to its readers."""
    report, html = pages[name]
    data = Data(html)
    shown = {key for key, _, _ in data.found}
    missing = [place for place in numbers(report) if place not in shown and not UNSHOWN.match(place)]
    said_otherwise = (
        r"per_class/[^/]*/ap$|findings/splits/\w+/(boxes|without_boxes)|classification_report/accuracy"
    )
    assert [place for place in missing if name == "detection" or not re.match(said_otherwise, place)] == []
    cards = [sentence for sentences in report["model_card"].values() for sentence in sentences]
    loose = [text for text in data.rest if re.search(r"\d\.\d{3}(?!\d)", text) and text not in cards]
    assert all(re.fullmatch(r"[+−]\d\.\d{3}", text) for text in loose), loose


@both
def test_the_page_is_one_file_whose_links_stay_in_it(name, pages):
    html = re.sub(r"base64,[^\"]*", "base64,", pages[name][1])
    assert not re.search(r"https?:|[\"'(=]//|<script|<link|@import|<iframe|javascript:", html)
    sources = re.findall(r"""(?:src|href)\s*=\s*["']([^"']*)|url\(([^)]*)\)""", html)
    assert sources and all((a or b).startswith(("#", "data:")) for a, b in sources)
    anchors = re.findall(r'<a href="#([\w-]+)">', html)
    assert anchors == re.findall(r'<section id="([\w-]+)">', html)
    assert len(set(anchors)) == len(anchors) > 7


def test_parts_stand_in_their_order(pages):
    anchors = re.findall(r'<section id="([\w-]+)">', pages["detection"][1])
    order = "compared metrics details slices rules robustness interventions explanations data made card"
    assert anchors == order.split()
    html = pages["classification"][1]
    places = [html.index(words) for words in ('class="headline"', "Weakest slice", 'role="alert"', "<nav")]
    assert places == sorted(places)


def test_what_got_worse_is_said_sure_ones_first(pages):
    html = pages["detection"][1]
    before, other = html.split("<h3>Compared with ")[1:3]
    assert before.startswith("the model before") and "No class and no slice got worse." in before
    lines = re.findall(r"<li>(.*?)</li>", other, re.DOTALL)
    assert (
        "class &lt;bus&gt;" in lines[0]
        and "significantly worse" in lines[0]
        and "not significant" in lines[1]
    )
    assert "None of these losses is significant" not in other.split("</section>")[0]
    assert '<span class="verdict up">better</span>' in other and 'class="verdict down">worse</span>' in other
    assert '<span class="verdict ">no clear difference</span>' in other


def test_a_loss_that_may_be_chance_is_not_called_clear():
    row = {
        "what": "day",
        "this": 0.1,
        "other": 0.2,
        "difference": -0.1,
        "low": -0.3,
        "high": 0.1,
        "sure": False,
    }
    html = page_html({"compared": {"a": {"figures": {}, "worse": [row]}}}, NOWHERE, Layout((), {}))
    assert "None of these losses is significant" in html and ">Comparison<" in html


def test_the_weakest_slice_is_marked_and_said_on_top(pages):
    html = pages["detection"][1]
    top = re.sub("<[^>]*>", "", html.split('<p class="worst">')[1].split("</p>")[0])
    assert (
        "brightness night, AP 0.210 (95 % interval .08 to .34) on 12 images, compared with 0.432"
        in top.replace("\n", "")
    )
    row = html.split('<tr class="weakest">')[1].split("</tr>")[0]
    assert "night" in row and "weakest" in row and html.count('<tr class="weakest">') == 1
    assert 'style="width: 21.0%"' in row and 'style="left: 8.0%; width: 26.0%"' in row


def test_a_confusion_matrix_is_tinted_by_share_of_its_row():
    table = Table("Taken", "confusion", {pointer("a/b"): ("a/b", "heat"), "c": ("c", "heat")})
    report = {"confusion": {"a/b": {"a/b": 3, "c": 1}, "c": {"a/b": 0, "c": 0}}}
    html = page_html(report, NOWHERE, Layout((), {}, tables=(table,)))
    assert re.findall(r"rgba\(0, 114, 178, ([\d.]+)\)", html) == ["0.47", "0.2"]  # .06 + .54 of the share
    assert 'data-key="confusion/a~1b/a~1b" value="3"' in html


def test_sections_of_a_layout_and_their_remarks():
    """One with a place that nothing is known of is left out."""
    said = ("On {own/n|count} images, {own/lost|share} lost.", "Of {own/missing}.")
    section = Section("Own", "own", "A note.", cards=(Card("own/n", "n", "", "count"),), remarks=said)
    html = page_html({"own": {"n": 1234, "lost": 0.25}}, NOWHERE, Layout((), {}, sections=(section,)))
    words = re.sub("<[^>]*>", "", html)
    assert "On 1\u202f234 images, 25 % lost." in words and "Of " not in words
    assert '<section id="own">' in html
    assert "Own" not in page_html({}, NOWHERE, Layout((), {}, sections=(section,)))


def test_strengths_in_headings_are_those_that_are_measured():
    headings = [heading for key, (heading, _) in ROBUSTNESS.tables[0].columns.items() if "/" in key]
    assert headings == [f"at {strength:g}" for strength in STRENGTHS]


def test_a_report_with_less_has_a_page_with_less(pages):
    """Each section away, each None; None and undefined are no words of the page."""
    report = {**pages["detection"][0], "curves": None}
    report["robustness"] = {**report["robustness"], "strengths": None}  # charts take their time
    sections = (
        "intervals",
        "worst_slice",
        "slices",
        "compared",
        "before",
        "per_class",
        "thresholds",
        "errors",
    )
    rest = ("explanations", "model_card", "findings", "weights")
    for gone in (*sections, "confusion", "rules", "robustness", "interventions", *rest):
        for changed in ({k: v for k, v in report.items() if k != gone}, {**report, gone: None}):
            html = page_html(changed, NOWHERE, detection.layout(changed))
            assert html.rstrip().endswith("</html>")
            assert "None" not in html and "undefined" not in html.lower()
