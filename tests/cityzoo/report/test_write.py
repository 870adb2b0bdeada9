import json
import re

import numpy as np
import pytest
from PIL import Image

from cityzoo.metrics.coco import SUMMARY
from cityzoo.metrics.keys import look_up
from cityzoo.report.number_format import format_score, format_share
from cityzoo.report.pages.detection import layout
from cityzoo.report.write import write_report


def full_report():
    numbers = {name: 0.4321 + 0.01 * i for i, name in enumerate(SUMMARY)}
    return {
        **numbers,
        "AP_small": None,
        "task": "vehicle_detect",
        "backbone": "vgg16",
        "per_class": {
            "car": {"AP": 0.5, "AP50": 0.75, "AR": 0.6, "n_boxes": 1200},
            "<bus>": {"AP": None, "AP50": None, "AR": None, "n_boxes": 0},
        },
        "operating_point": {"score": 0.375, "precision": 0.81, "recall": 0.72, "f1": 0.7624},
        "before": dict.fromkeys(SUMMARY, 0.0123),
        "n_images": 141,
        "n_boxes": 1234,
        "split": "val",
        "seed": 0,
        "weights": {"kind": "random", "sha256": "ab" * 32, "path": None, "note": ""},
        "parameters": {"trainable": np.int64(1000), "frozen": 2000, "total": 3000},
        "latency_ms": {"batch_1_median": np.float32(12.5)},
        "seconds": {"total": 372.0, "fit": 300.0},
        "images_per_second": float("inf"),
        "spec": {"fit": {"batch": 32}, "modality": {"size_hw": (256, 256), "val": None}},
        "findings": {
            "splits": {"train": {"images": 9, "without_boxes": 1, "boxes": {"car": 20, "<bus>": 1}}},
            "findings": {"inverted": {"count": 7, "first": ["a.txt:3"]}},
        },
        "warnings": ["weights were not to be had"],
        "zebra": 1,
    }


def without_images(html):
    return re.sub(r"base64,[^\"]*", "base64,", html)


def write(folder, report):
    files = write_report(folder, report, layout(report))
    return [file.read_text(encoding="utf-8") for file in files]


def test_numbers_lie_flat_and_ordered_and_plain(tmp_path):
    numbers, _ = write(tmp_path, full_report())
    loaded = json.loads(numbers, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    assert loaded["AP50"] == full_report()["AP50"]
    assert list(loaded)[:4] == ["task", "backbone", "AP50", "AP"] and list(loaded)[-1] == "zebra"
    assert loaded["images_per_second"] is None and loaded["AP_small"] is None
    assert loaded["parameters"]["trainable"] == 1000 and loaded["latency_ms"] == {"batch_1_median": 12.5}
    assert loaded["spec"]["modality"]["size_hw"] == [256, 256]
    assert list(loaded["per_class"]) == ["car", "<bus>"]  # class order is kept
    assert sorted(file.name for file in tmp_path.iterdir()) == ["report.html", "report.json"]


def test_each_headline_number_is_the_one_of_the_json(tmp_path):
    numbers, html = write(tmp_path, full_report())
    loaded = json.loads(numbers)
    shown = re.findall(r'<data data-key="([^"]+)" value="([^"]+)">([^<]+)</data>', html)
    headline = ["AP50", "AP"] + [f"operating_point/{name}" for name in ("recall", "precision", "score", "f1")]
    shown = [each for each in shown if each[0] not in ("n_images", "n_boxes")][: len(headline)]
    assert [key for key, _, _ in shown] == headline
    for key, value, said in shown:
        expected = look_up(loaded, key)
        assert json.loads(value) == expected
        assert said == (format_share if key.endswith(("recall", "precision")) else format_score)(expected)


def test_the_page_needs_nothing_from_elsewhere(tmp_path):
    rng = np.random.default_rng(0)
    for kind in ("best", "worst", "missed"):
        Image.fromarray(rng.integers(0, 255, (40, 60, 3), np.uint8)).save(tmp_path / f"{kind}.png")
    (tmp_path / "history.csv").write_text("epoch,loss,val_AP,val_AP50\n0,3,.1,.2\n1,2,,\n2,1,.3,.55\n")
    _, html = write(tmp_path, full_report())
    assert html.count("data:image/jpeg;base64,") == 3
    assert "<svg" in html and "AP50 0.550" in html and "AP 0.300" in html
    page = without_images(html)
    assert not re.search(r"https?:|//\w|<script|<link|@import|<iframe", page)
    sources = re.findall(r"""(?:src|href)=["']([^"']*)|url\(([^)]*)\)""", page)
    assert all((a or b).startswith(("#", "data:")) for a, b in sources)


def test_the_page_says_it_all(tmp_path):
    _, html = write(tmp_path, full_report())
    words = re.sub("<[^>]*>", "", html)
    for said in (
        "ab" * 32,
        "6 min 12 s",
        "batch 1 median 12.5 ms",
        "7 inverted boxes",
        "a.txt:3",
        "+0.",
        "[256, 256]",
    ):
        assert said in words, said
    assert "&lt;bus&gt;" in html and "<bus>" not in html  # names are text, not markup
    assert "nan" not in html.lower().split() and "None" not in html


def test_a_warning_makes_a_banner_and_random_weights_its_title(tmp_path):
    _, html = write(tmp_path, full_report())
    assert 'role="alert"' in html and "random weights" in html and "weights were not to be had" in html
    _, html = write(tmp_path, {**full_report(), "weights": {"kind": "imagenet"}})
    assert 'role="alert"' in html and "random weights" not in html
    _, html = write(tmp_path, {**full_report(), "warnings": []})
    assert 'role="alert"' not in html


@pytest.mark.parametrize("gone", [*full_report(), "everything"])
def test_absent_keys_leave_a_page(gone, tmp_path):
    report = {} if gone == "everything" else {k: v for k, v in full_report().items() if k != gone}
    numbers, html = write(tmp_path, report)
    assert json.loads(numbers).keys() == report.keys()
    assert html.rstrip().endswith("</html>")
    none = {**full_report(), gone: None} if gone in full_report() else {}
    assert write(tmp_path, none)[1].rstrip().endswith("</html>")


def test_a_failure_leaves_the_old_report(tmp_path, monkeypatch):
    write(tmp_path, {"AP": 0.25})

    def torn(*_):
        raise OSError("disk full")

    monkeypatch.setattr("os.replace", torn)
    with pytest.raises(OSError, match="disk full"):
        write_report(tmp_path, {"AP": 0.75}, layout({}))
    assert json.loads((tmp_path / "report.json").read_text()) == {"AP": 0.25}
