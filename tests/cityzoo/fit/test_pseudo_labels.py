"""Pseudo-labels of a detector: found where objects were painted, and rows of a batch like labeled ones."""

import json

import numpy as np
import pytest
from PIL import Image

from cityzoo.data.image.decode import read_image
from cityzoo.errors import InputError
from cityzoo.fit import semi_supervised
from cityzoo.modalities.image import pseudo_labels, unlabelled
from cityzoo.outputs.detection import Detection
from cityzoo.sample import Detections, ImageExample, ImageSet
from cityzoo.spec import Phase
from tests.cityzoo.compress.street import SMALL, write_street

PAINTED = {"a.png": (8, 8, 24, 24), "b.png": (30, 10, 50, 40), "c.png": None}


def _paint(folder):
    """Dark images, two with a bright rectangle; return them as a set without labels."""
    folder.mkdir()
    for name, box in PAINTED.items():
        pixels = np.zeros((64, 64, 3), np.uint8)
        if box:
            pixels[box[1] : box[3], box[0] : box[2]] = 250
        Image.fromarray(pixels).save(folder / name)
    images = tuple(ImageExample(str(folder / name), (64, 64)) for name in PAINTED)
    return ImageSet("unlabelled", ("car", "bus"), images)


class BrightObjects:
    """Predicts a box around what is bright with a high score, and one anywhere with a low one."""

    def predict(self, model, images, output):
        """Return detections of each image."""
        return [self._find(read_image(each.path)[..., 0] > 128) for each in images.examples]

    def _find(self, bright):
        faint = ([0, 0, 9, 9], 0.2, 0)
        rows, columns = np.nonzero(bright)
        if not len(rows):
            return Detections([faint[0]], [faint[1]], [faint[2]])
        box = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        return Detections([box, faint[0]], [0.9, faint[1]], [1, faint[2]])


@pytest.fixture
def first_stage(tmp_path, monkeypatch):
    """The folder of a finished run whose best F1 is at .5, and a model that needs no loading."""
    (tmp_path / "first").mkdir()
    (tmp_path / "first" / "report.json").write_text(json.dumps({"operating_point": {"score": 0.5}}))
    monkeypatch.setattr("cityzoo.model.load", lambda path: None)
    return tmp_path / "first"


def test_boxes_are_found_where_objects_are(tmp_path, first_stage):
    """Those from the threshold on; the image without any is left out and counted."""
    images = _paint(tmp_path / "more")
    output = Detection(images.class_names)
    found = pseudo_labels.pseudo_label(images, output, BrightObjects(), first_stage, tmp_path)
    assert [each.path.rpartition("/")[2] for each in found.examples] == ["a.png", "b.png"]
    assert [each.boxes_xyxy.tolist() for each in found.examples] == [
        [list(PAINTED[n])] for n in ("a.png", "b.png")
    ]
    facts = json.loads((tmp_path / pseudo_labels.FILE).read_text())
    assert facts == {"images": 2, "without": 1, "boxes": {"car": 0, "bus": 2}, "score": 0.5}
    assert pseudo_labels.read_facts(tmp_path) == {"pseudo_labels": facts}
    assert pseudo_labels.read_facts(first_stage) == {}
    dark = ImageSet("unlabelled", images.class_names, images.examples[2:])
    with pytest.raises(InputError, match="boxes in 0 of 1 others"):
        pseudo_labels.pseudo_label(dark, output, BrightObjects(), first_stage, tmp_path)
    with pytest.raises(InputError, match="2 of 3 others, less than a batch of 4: .*--batch-size"):
        pseudo_labels.pseudo_label(images, output, BrightObjects(), first_stage, tmp_path, 4)


def test_a_batch_is_pairs_and_the_loss_that_of_labels(go, make_resolved, tmp_path, monkeypatch):
    """A labeled image, then one with pseudo-labels, each with its boxes; images without any never come."""
    made, join = [], semi_supervised.with_unlabelled

    def record(context, source):
        made.append((context, join(context, source)))
        return made[-1][1]

    def label(images, *_):
        kept = images.examples[:2]
        rows = [[PAINTED[each.path.rpartition("/")[2]]] for each in kept]
        boxed = (
            ImageExample(each.path, each.size_hw, box, [1]) for each, box in zip(kept, rows, strict=True)
        )
        return ImageSet("unlabelled", images.class_names, tuple(boxed))

    monkeypatch.setattr(semi_supervised, "with_unlabelled", record)
    monkeypatch.setattr(pseudo_labels, "pseudo_label", label)
    monkeypatch.setattr(unlabelled, "STRONG_BOXES", "none")
    _paint(tmp_path / "more")
    spec = make_resolved(
        tmp_path / "run",
        Phase("backbone", 1, 0.0001),
        unlabelled=str(tmp_path / "more"),
        **{"task": "vehicle_detect", "batch_size": 2, "views": 1, "augment": "none"},
    )
    trained = go(spec)
    ((context, source),) = made
    assert len(context.unlabelled) == 1 and np.isfinite(trained.state.history[0]["loss"])
    assert type(semi_supervised.loss(context)) is type(trained.output.loss((64, 64)))
    _, targets = next(iter(source.batches(0, 1)))
    targets = np.asarray(targets).round(3)
    assert targets.shape[:2] == (4, context.train.max_rows)
    assert sorted(map(tuple, targets[1::2, 0].tolist())) == sorted(
        (*PAINTED[n], 1) for n in ("a.png", "b.png")
    )
    names = semi_supervised.examples_of_step(context, 0, 0, 1)
    assert len(names) == 4 and {path.rpartition("/")[2] for path, _ in names[1::2]} == {"a.png", "b.png"}


@pytest.mark.slow
def test_the_command_trains_twice_and_reports(as_scripts, tmp_path):
    """First without the others, which that model labels; both are compared."""
    write_street(tmp_path / "street")
    write_street(tmp_path / "more")
    plan = [
        "--phases",
        "backbone:30",
        "--augment",
        "none",
        "--views",
        "1",
        "--neck-width",
        "16",
        "--ema",
        "0",
    ]
    given = ["--task", "vehicle_detect", "--data", "street", *SMALL, *plan, "--learning-rate", "0.01"]
    said = as_scripts(tmp_path, {"run": ("train.py", [*given, "--unlabelled", "more", "--out", "run"])})
    assert said["run"][0] == 0, said["run"]
    report = json.loads((tmp_path / "run" / "report.json").read_text())
    other = json.loads((tmp_path / "run" / "labelled_only" / "report.json").read_text())
    assert report["unlabelled"]["AP50"]["labelled_only"] == other["AP50"]
    facts = report["pseudo_labels"]
    assert facts["images"] + facts["without"] == 12 and sum(facts["boxes"].values()) >= facts["images"] > 0
    assert facts["score"] == other["operating_point"]["score"]
    assert "Pseudo-labels" in (tmp_path / "run" / "report.html").read_text()
