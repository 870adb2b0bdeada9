import contextlib
import io
import json
import logging

import numpy as np
import pytest

from cityzoo.errors import InputError
from cityzoo.metrics.coco import SUMMARY, coco_metrics, coco_results, coco_truth, write_coco_json
from cityzoo.sample import Detections, ImageExample, ImageSet, no_boxes

NOTHING = Detections(no_boxes(), [], [])


def image_set(*boxes_and_labels, names=("car", "bus", "van")):
    images = [
        ImageExample(f"{i}.jpg", (400, 400), boxes, labels)
        for i, (boxes, labels) in enumerate(boxes_and_labels)
    ]
    return ImageSet("val", names, tuple(images))


def pycocotools_numbers(folder):
    coco, evaluate = pytest.importorskip("pycocotools.coco"), pytest.importorskip("pycocotools.cocoeval")
    with contextlib.redirect_stdout(io.StringIO()):
        truth = coco.COCO(str(folder / "truth.json"))
        results = json.loads((folder / "detections.json").read_text())
        if results:
            found = truth.loadRes(str(folder / "detections.json"))
        else:  # its loadRes stops at an empty list
            found = coco.COCO()
            found.dataset = {**truth.dataset, "annotations": []}
            found.createIndex()
        evaluation = evaluate.COCOeval(truth, found, "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation


def random_boxes(rng, n, lowest=1.0, highest=250.0):
    corner, size = rng.uniform(0, 300, (n, 2)), rng.uniform(lowest, highest, (n, 2))
    return np.concatenate([corner, corner + size], axis=1)


def random_case(
    seed, n_images=12, n_truth=6, n_found=25, round_scores=None, classes=(0, 1, 2), highest=250.0
):
    rng, images, detections = np.random.default_rng(seed), [], []
    for _ in range(n_images):
        boxes = random_boxes(rng, rng.integers(0, n_truth + 1), highest=highest)
        labels = rng.choice(classes, len(boxes))
        images.append((boxes, labels))
        near = np.repeat(boxes, 3, axis=0) + rng.normal(0, 6, (3 * len(boxes), 4))
        near[:, 2:] = np.maximum(near[:, 2:], near[:, :2] + 1)
        found = np.concatenate([near, random_boxes(rng, n_found)])
        scores = rng.uniform(0, 1, len(found))
        scores = scores if round_scores is None else np.round(scores, round_scores)
        guesses = np.concatenate([np.repeat(labels, 3), rng.integers(0, 3, n_found)])
        order = np.argsort(-scores, kind="stable")
        detections.append(Detections(found[order], scores[order], guesses[order]))
    return image_set(*images), detections


def nasty_cases():
    truth, found = random_case(5)
    empty = image_set(*[(no_boxes(), [])] * len(truth))
    same = [[10, 10, 60, 60]] * 4
    return {
        "random": (truth, found),
        "tied scores": random_case(1, round_scores=1),
        "all scores equal": random_case(2, round_scores=0),
        "one class missing": random_case(3, classes=(0, 2)),
        "crowded": random_case(4, n_images=3, n_truth=60, n_found=150, highest=60.0),
        "no detections": (truth, [NOTHING] * len(truth)),
        "no boxes": (empty, found),
        "neither": (empty, [NOTHING] * len(truth)),
        "duplicates": (image_set((same, [0, 0, 1, 1])), [Detections(same, [0.5] * 4, [0, 0, 0, 1])]),
        "zero-sized": (
            image_set(([[5, 5, 5, 9], [0, 0, 9, 9]], [0, 0])),
            [Detections([[5, 5, 5, 9]], [1], [0])],
        ),
    }


def test_ap_worked_out_by_hand():
    # Three cars. Ranked detections: right (IoU 1), wrong, right (IoU .64: right up to the threshold .60).
    # Recall reaches 1/3 at precision 1 and 2/3 at 2/3. Of the 101 recalls 0, .01 ... 1, 34 are <= 1/3 and the
    # next 33 are <= 2/3: precision 2/3 there, 0 above.
    truth = image_set(
        ([[0, 0, 10, 10], [100, 0, 110, 10]], [0, 0]),
        ([[50, 50, 60, 60]], [0]),
        names=("car",),
    )
    found = [
        Detections([[0, 0, 10, 10], [300, 300, 310, 310], [100, 0, 106.4, 10]], [0.9, 0.8, 0.7], [0, 0, 0]),
        NOTHING,
    ]
    metrics = coco_metrics(truth, found)
    ap_loose, ap_strict = (34 + 33 * 2 / 3) / 101, 34 / 101
    assert metrics["AP50"] == pytest.approx(ap_loose, abs=1e-9)
    assert metrics["AP75"] == pytest.approx(ap_strict, abs=1e-9)
    assert metrics["AP"] == pytest.approx(
        (3 * ap_loose + 7 * ap_strict) / 10, abs=1e-9
    )  # .50 .55 .60, then seven
    assert metrics["AR1"] == pytest.approx(1 / 3)  # the one best of each image
    assert metrics["AR100"] == pytest.approx((3 * 2 / 3 + 7 * 1 / 3) / 10)
    assert metrics["AP_small"] == metrics["AP"]
    assert metrics["AP_medium"] is None and metrics["AR_large"] is None
    assert (metrics["n_images"], metrics["n_boxes"], metrics["n_detections"]) == (2, 3, 3)
    assert metrics["per_class"]["car"] == {
        "AP": metrics["AP"],
        "AP50": metrics["AP50"],
        "AR": metrics["AR100"],
        "n_boxes": 3,
    }


@pytest.mark.parametrize("name", list(nasty_cases()))
def test_equals_pycocotools_on_the_written_files(name, tmp_path):
    truth, found = nasty_cases()[name]
    write_coco_json(tmp_path, truth, found)
    metrics, reference = coco_metrics(truth, found), pycocotools_numbers(tmp_path)
    for key, value in zip(SUMMARY, reference.stats, strict=True):
        assert (metrics[key] is None) == (value == -1), key
        assert metrics[key] is None or metrics[key] == pytest.approx(value, abs=1e-6), key
    for k, scores in enumerate(metrics["per_class"].values()):
        precision = reference.eval["precision"][:, :, k, 0, 2]
        recall = reference.eval["recall"][:, k, 0, 2]
        if scores["n_boxes"] == 0:
            assert scores["AP"] is scores["AP50"] is scores["AR"] is None
            continue
        expected = (precision.mean(), precision[0].mean(), recall.mean())
        assert (scores["AP"], scores["AP50"], scores["AR"]) == pytest.approx(expected, abs=1e-6)


def test_an_empty_set_has_no_numbers():
    metrics = coco_metrics(image_set(), [])
    assert all(metrics[key] is None for key in SUMMARY)
    assert metrics["n_images"] == metrics["n_boxes"] == metrics["n_detections"] == 0


def test_says_nothing_and_changes_nothing(capsys, caplog):
    truth, found = random_case(7)
    before = [(d.boxes_xyxy.copy(), d.scores.copy(), d.labels.copy()) for d in found]
    with caplog.at_level(logging.DEBUG):
        first, second = coco_metrics(truth, found), coco_metrics(truth, found)
    assert first == second
    assert capsys.readouterr() == ("", "") and not caplog.records
    for (boxes, scores, labels), after in zip(before, found, strict=True):
        assert (
            (boxes == after.boxes_xyxy).all()
            and (scores == after.scores).all()
            and (labels == after.labels).all()
        )


def test_export_follows_the_class_order_and_the_image_order():
    truth = image_set((no_boxes(), []), ([[1, 2, 4, 8]], [2]))
    exported = coco_truth(truth)
    assert [category["name"] for category in exported["categories"]] == ["car", "bus", "van"]
    assert exported["annotations"] == [
        {"id": 1, "image_id": 2, "category_id": 3, "bbox": [1, 2, 3, 6], "area": 18, "iscrowd": 0}
    ]
    result = coco_results(truth, [NOTHING, Detections([[0, 0, 5, 5]], [0.25], [1])])
    assert json.loads(json.dumps(result)) == [
        {"image_id": 2, "category_id": 2, "bbox": [0, 0, 5, 5], "score": 0.25}
    ]


def test_detections_of_a_diverged_model_are_left_out(caplog):
    truth = image_set(([[0, 0, 50, 50]], [0]))
    found = [Detections([[0, 0, 50, 50], [0, 0, np.nan, 9], [0, 0, 9, 9]], [0.4, 0.9, np.nan], [0, 0, 0])]
    metrics = coco_metrics(truth, found)
    assert metrics["AP"] == pytest.approx(1) and metrics["n_detections"] == 1
    assert "left out 2 detections" in caplog.text


def test_unusable_input_is_named():
    truth = image_set((no_boxes(), []))
    with pytest.raises(InputError, match="2 detections for 1 images"):
        coco_metrics(truth, [NOTHING, NOTHING])
    with pytest.raises(InputError, match="label 3, allowed are 0..2"):
        coco_metrics(truth, [Detections([[0, 0, 1, 1]], [1], [3])])
