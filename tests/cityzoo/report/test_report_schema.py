"""report.schema.json describes what reports hold, key by key, and docs/report.md says what works."""

import json
import re
import shutil
import subprocess
from importlib import resources
from pathlib import Path

import jsonschema
import numpy as np
import pytest

from cityzoo.outputs.classification import Classification
from cityzoo.outputs.counting import Counting, CountResult
from cityzoo.outputs.detection import Detection
from cityzoo.report.layout import Layout
from cityzoo.report.write import write_report
from cityzoo.sample import Detections, ImageExample, ImageSet
from tests.cityzoo.report import full_report

SCHEMA = json.loads(resources.files("cityzoo.report").joinpath("report.schema.json").read_text())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
DOCUMENT = (Path(__file__).parents[3] / "docs" / "report.md").read_text()


def faults(report):
    """Places of a report that break the schema."""
    return ["/".join(map(str, fault.absolute_path)) for fault in VALIDATOR.iter_errors(report)]


def described(schema):
    """The schemas within a schema."""
    yield schema
    inner = [
        *schema.get("properties", {}).values(),
        *schema.get("$defs", {}).values(),
        *schema.get("prefixItems", ()),
    ]
    for each in (*inner, schema.get("additionalProperties"), schema.get("items")):
        if isinstance(each, dict):
            yield from described(each)


def judged():
    """Figures of real kinds on four images."""
    boxes, rng = [[10, 10, 90, 60], [20, 70, 60, 99]], np.random.default_rng(0)
    images = tuple(
        ImageExample(
            f"{i}.jpg", (100, 120), boxes[: i % 3], [0, 1][: i % 3], target=np.eye(2, dtype="f4")[i % 2]
        )
        for i in range(4)
    )
    truth, names = ImageSet("val", ("car", "bus"), images), ("car", "bus")
    found = [Detections(boxes[:1], [0.9], [0])] * 4
    yield Detection(names).metrics(truth, found)
    yield Classification(names).metrics(truth, list(rng.dirichlet((1, 1), 4)))
    yield Counting(names).metrics(truth, [CountResult(1.5)] * 4)


def test_it_is_a_schema_that_describes_every_key():
    VALIDATOR.check_schema(SCHEMA)
    silent = [each for each in described(SCHEMA) if "description" not in each and set(each) != {"$ref"}]
    assert silent == []
    assert all(len(each["description"]) > 2 for each in SCHEMA["properties"].values())


@pytest.mark.parametrize("made", [full_report.detection_report, full_report.classification_report])
def test_full_reports_are_as_described(made, tmp_path):
    """And nothing is in them that is not."""
    report = json.loads(write_report(tmp_path, {**made(), "curves": None}, Layout((), {}))[0].read_text())
    report["curves"] = made()["curves"]
    assert faults(report) == []
    assert set(report) <= set(SCHEMA["properties"])


def test_real_figures_are_as_described():
    for figures in judged():
        plain = json.loads(json.dumps(figures, default=float))
        assert faults(plain) == [] and set(plain) <= set(SCHEMA["properties"])


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("AP50", 1.2),
        ("AP50", "0.5"),
        ("n_images", -1),
        ("n_images", 1.5),
        ("intervals/AP", [0.1]),
        ("intervals/AP", [0.1, 0.2, 0.3]),
        ("weights/kind", "magic"),
        ("per_class/car/AP50", -0.1),
        ("confusion/car/<bus>", 0.5),
        ("slices/brightness/night/AP", "bad"),
        ("curves/f1/car/score", None),
        ("compared/runs~1older.1~1a/figures/AP/verdict", "great"),
    ],
)
def test_what_is_wrong_is_found(place, value):
    """At its very place."""
    report = full_report.detection_report()
    *way, last = [word.replace("~1", "/") for word in place.split("/")]
    holder = report
    for word in way:
        holder = holder[word]
    holder[last] = value
    assert faults(report) == ["/".join([*way, last])]


def test_a_task_of_ones_own_may_add_keys():
    assert faults({**full_report.detection_report(), "cost_per_100": 3.5}) == []


def test_every_key_of_the_schema_is_in_the_document():
    rows = "\n".join(line for line in DOCUMENT.splitlines() if line.startswith("| `"))
    figures = r"AP|AR|.*accuracy|macro_f1|mean_|loss|mae|rmse|bias|r2|image_a|pixel_a|usual|n_anom|n_det"
    figures = re.compile(figures + "|task|backbone|solved|unlabelled")
    keys = [key for key in SCHEMA["properties"] if not figures.match(key)]
    assert [key for key in keys if f"`{key}`" not in rows] == []


@pytest.mark.skipif(shutil.which("jq") is None, reason="jq is not installed")
def test_the_examples_with_jq_say_something(tmp_path):
    report = {**full_report.detection_report(), "model_card": {"Known limits": ["It is weak at night."]}}
    (tmp_path / "runs" / "a").mkdir(parents=True)
    file = tmp_path / "runs" / "a" / "report.json"
    file.write_text(json.dumps(report))
    examples = [line.split("  #")[0] for line in DOCUMENT.splitlines() if line.startswith("jq ")]
    assert len(examples) > 8
    for example in examples:
        command = example.replace("RUN/report.json", str(file))
        ran = subprocess.run(command, shell=True, cwd=tmp_path, capture_output=True, text=True, check=True)
        assert ran.stdout.strip() and "null" not in ran.stdout, example
