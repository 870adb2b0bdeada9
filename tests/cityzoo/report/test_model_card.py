"""Model cards: sentences where the report gives a reason for them; stated licenses."""

import pytest

from cityzoo.demo import MARK
from cityzoo.report.licenses import data_license
from cityzoo.report.model_card import model_card
from tests.cityzoo.report import full_report

SECTIONS = ["Intended use", "Not for", "Data", "Evaluation", "Known limits", "Licenses"]


def said(report, section, summary="boxes around vehicles"):
    """A section in one string."""
    return "\n".join(model_card(report, summary)[section])


def test_a_detectors_card():
    report = full_report.detection_report()
    card = model_card(report, "boxes around vehicles")
    assert list(card) == SECTIONS and all(card.values())
    assert card["Intended use"][0] == "Boxes around vehicles (car, <bus>, van/suv 1.5, motorbike)."
    assert "night (AP 0.210 on 12 images, 0.432 on all)" in said(report, "Known limits")
    assert "of motorbike (18):" in said(report, "Known limits")  # 1200, 150 and 41 of the others
    assert "loses 26 % of its AP on average, most under glare (50 %)" in said(report, "Known limits")
    assert "(PGD) cost it 89 %" in said(report, "Known limits")
    assert "Train: 709 images; car 5683," in said(report, "Data") and "license plates" in said(report, "Data")
    assert "the model before fine-tuning, runs/older.1/a" in said(report, "Evaluation")


def test_a_report_of_nothing_has_a_card_of_what_holds_for_all():
    card = model_card({}, "")
    assert list(card) == SECTIONS and all(card.values())
    assert "None" not in str(card) and "not measured" in said({}, "Known limits")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, "the best epoch was selected on them"),
        ({"split": "train"}, "how well it memorizes"),
        ({"data": "other_camera"}, "neither weights nor the best epoch"),
        ({"data": "./roads"}, "the best epoch was selected on them"),
        ({"epochs": 1}, "They were held out from training."),
    ],
)
def test_who_chose_the_epoch(change, words):
    """Held-out images of the training's own data did; those from elsewhere did not."""
    report = full_report.detection_report() | change
    text = said(report, "Evaluation")
    assert words in text
    assert ("best epoch was selected on them" in text) == (words == "the best epoch was selected on them")


def test_beginnings():
    kinds = {
        "imagenet": "ImageNet's images are for",
        "file": "your file (own.h5)",
        "random": "random",
    }
    for kind, words in kinds.items():
        report = {"weights": {"kind": kind, "path": "own.h5"}}
        assert words in said(report, "Licenses") and "Apache-2.0" in said(report, "Licenses")
        assert ("random weights" in said(report, "Known limits")) == (kind == "random")


def test_warnings_are_limits_once():
    report = full_report.classification_report()
    report["warnings"].append("val is small")
    limits = model_card(report, "states")["Known limits"]
    assert "val is small" in limits and sum("random weights" in each.lower() for each in limits) == 1
    assert any("divide logits by 1.42" in each for each in limits)


def test_a_count_of_the_data_stands_in_for_one_of_classes():
    """Counters have no figures of classes."""
    split = {"val": {"images": 44, "boxes": {"bus": 2, "car": 734}}}
    assert "of bus (2):" in said({"split": "val", "findings": {"splits": split}}, "Known limits")


def test_a_temperature_that_does_not_help_is_not_recommended():
    calibration = {"temperature": 1.6, "ece": 0.05, "ece_scaled": 0.06}
    assert "divide logits" not in said({"calibration": calibration}, "Known limits")
    assert "divide logits by 1.60" in said({"calibration": {**calibration, "ece": 0.07}}, "Known limits")


def test_images_that_cityzoo_drew(tmp_path):
    (tmp_path / MARK).write_text("{}")
    report = {"spec": {"run": {"data": None}}, "data": str(tmp_path), "split": "val", "n_images": 9}
    assert "synthetic images" in said(report, "Known limits")
    assert f"{tmp_path}, synthetic images by cityzoo" in said(report, "Licenses")
    assert "best epoch was selected on them" in said(report, "Evaluation")


@pytest.mark.parametrize(
    ("name", "words", "licence"),
    [
        ("data.yaml", "nc: 1\nroboflow:\n  license: CC BY 4.0\n  version: 2", "CC BY 4.0"),
        ("README.roboflow.txt", "Streets\nLicense: CC BY-NC 4.0\n", "CC BY-NC 4.0"),
        ("README.md", "# Data\n**License:** [MIT](LICENSE).", "[MIT](LICENSE)"),
        (
            "LICENSE",
            "Creative Commons Attribution 4.0 International\n...",
            "Creative Commons Attribution 4.0",
        ),
        ("README.md", "All images are CC-BY-SA 3.0, by us", "CC-BY-SA 3.0"),
        ("README.md", "Nothing of the kind", None),
        ("data.yaml", "a: [", None),
        ("data.yaml", "roboflow: none", None),
    ],
)
def test_stated_licences(name, words, licence, tmp_path):
    (tmp_path / name).write_text(words)
    (tmp_path / "README").mkdir()  # a folder states nothing
    assert data_license(str(tmp_path)) == (f"{licence} ({name})" if licence else None)
    text = said({"data": str(tmp_path)}, "Licenses")
    assert (f"{tmp_path}: {licence} ({name})." if licence else f"{tmp_path}: license unknown") in text


def test_data_given_by_its_file_or_by_a_name(tmp_path):
    (tmp_path / "data.yaml").write_text("roboflow: {license: CC0 1.0}")
    assert data_license(str(tmp_path / "data.yaml")) == "CC0 1.0 (data.yaml)"
    assert data_license("tfds:voc/2007") is None
