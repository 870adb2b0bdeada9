import contextlib
import io
import json

import numpy as np
import pytest

from cityzoo.errors import InputError
from cityzoo.metrics.coco import write_coco_json
from cityzoo.metrics.matching import UNMATCHED, match, operating_threshold
from cityzoo.sample import Detections, ImageExample, ImageSet, no_boxes

EMPTY = Detections(no_boxes(), [], [])


def image(boxes, labels):
    return ImageExample("a.jpg", (200, 200), boxes, labels)


def test_the_best_score_takes_the_object_and_the_next_one_is_false():
    street = image([[0, 0, 10, 10], [50, 50, 60, 60]], [0, 0])
    # IoU with the first object: .9, 1, 0; the third one overlaps the second one by .6, as another class
    found = Detections([[0, 0, 10, 9], [0, 0, 10, 10], [50, 50, 60, 56]], [0.9, 0.8, 0.7], [0, 0, 1])
    assert match(street, found).tolist() == [0, UNMATCHED, UNMATCHED]


def test_a_detection_takes_the_free_object_that_it_overlaps_most():
    street = image([[0, 0, 10, 10], [0, 2, 10, 12]], [0, 0])
    found = Detections([[0, 2, 10, 12], [0, 2, 10, 12], [0, 2, 10, 12]], [0.9, 0.8, 0.7], [0, 0, 0])
    assert match(street, found).tolist() == [1, 0, UNMATCHED]  # IoU 1, then 8/12


def test_iou_of_exactly_a_half_counts_and_less_does_not():
    street = image([[0, 0, 10, 10]], [0])
    assert match(street, Detections([[0, 0, 10, 5]], [0.9], [0])).tolist() == [0]
    assert match(street, Detections([[0, 0, 10, 4.9]], [0.9], [0])).tolist() == [UNMATCHED]


def test_the_threshold_frees_the_object_for_nobody():
    street = image([[0, 0, 10, 10]], [0])
    found = Detections([[0, 0, 10, 10], [0, 0, 10, 9]], [0.9, 0.4], [0, 0])
    assert match(street, found, threshold=0.95).tolist() == [UNMATCHED, UNMATCHED]
    assert match(street, found, threshold=0.9).tolist() == [0, UNMATCHED]


def test_agrees_with_pycocotools(tmp_path):
    coco, evaluate = pytest.importorskip("pycocotools.coco"), pytest.importorskip("pycocotools.cocoeval")
    rng, images, detections = np.random.default_rng(0), [], []
    for _ in range(20):
        boxes = rng.integers(0, 40, (9, 2))
        boxes = np.concatenate([boxes, boxes + rng.integers(8, 20, (9, 2))], axis=1)
        near = np.repeat(boxes, 3, axis=0) + rng.integers(-3, 4, (27, 4))
        scores = np.sort(np.round(rng.random(27), 1))[::-1]
        images.append(image(boxes, rng.integers(0, 2, 9)))
        detections.append(Detections(near, scores, rng.integers(0, 2, 27)))
    truth = ImageSet("val", ("car", "bus"), tuple(images))
    write_coco_json(tmp_path, truth, detections)
    with contextlib.redirect_stdout(io.StringIO()):
        known = coco.COCO(str(tmp_path / "truth.json"))
        found = known.loadRes(str(tmp_path / "detections.json"))
        evaluation = evaluate.COCOeval(known, found, "bbox")
        evaluation.params.areaRng, evaluation.params.areaRngLbl = [[0, 1e10]], ["all"]
        evaluation.evaluate()
    hits = {
        i: m for e in evaluation.evalImgs if e for i, m in zip(e["dtIds"], e["dtMatches"][0], strict=True)
    }
    first = np.cumsum([0] + [len(p.labels) for p in truth.examples])
    ours = [
        0 if owner == UNMATCHED else first[row] + owner + 1
        for row, (p, d) in enumerate(zip(truth.examples, detections, strict=True))
        for owner in match(p, d)
    ]
    assert len(json.loads((tmp_path / "detections.json").read_text())) == len(ours) == len(hits)
    assert ours == [int(hits[i + 1]) for i in range(len(ours))]
    assert 100 < np.count_nonzero(ours) < len(ours)


def test_operating_threshold_worked_out_by_hand():
    # Four objects; ranked: right .9, right .8, false .7, right .6, false .5, false .4.
    # F1 = 2 TP / (kept + 4): 2/5, 4/6, 4/7, 6/8, 6/9, 6/10: the best is .75, at .6.
    at = [[x, 0, x + 10, 10] for x in (0, 20, 40, 60)]
    nowhere = [150, 150, 160, 160]
    truth = ImageSet("val", ("car",), (image(at[:2], [0, 0]), image(at[2:], [0, 0])))
    found = [
        Detections([at[0], nowhere, nowhere], [0.9, 0.7, 0.5], [0, 0, 0]),
        Detections([at[2], at[3], nowhere], [0.8, 0.6, 0.4], [0, 0, 0]),
    ]
    point = operating_threshold(truth, found)
    assert point == {"score": pytest.approx(0.6), "precision": 0.75, "recall": 0.75, "f1": 0.75}
    kept = [
        (match(p, d, point["score"]) != UNMATCHED).sum() for p, d in zip(truth.examples, found, strict=True)
    ]
    assert kept == [1, 2]  # the very score is inside


def test_equal_scores_stay_together():
    truth = ImageSet("val", ("car",), (image([[0, 0, 10, 10]], [0]),))
    found = [Detections([[0, 0, 10, 10], [50, 50, 60, 60], [70, 70, 80, 80]], [0.5, 0.5, 0.5], [0, 0, 0])]
    assert operating_threshold(truth, found) == {"score": 0.5, "precision": 1 / 3, "recall": 1.0, "f1": 0.5}


def test_nothing_to_go_by():
    truth, blank = ImageSet("val", ("car",), (image([[0, 0, 10, 10]], [0]),)), image(no_boxes(), [])
    assert operating_threshold(truth, [EMPTY]) == {"score": 0.5, "precision": None, "recall": 0.0, "f1": 0.0}
    alarm = [Detections([[50, 50, 60, 60]], [0.9], [0])]
    assert operating_threshold(truth, alarm) == {"score": 0.5, "precision": 0.0, "recall": 0.0, "f1": 0.0}
    nobody = ImageSet("val", ("car",), (blank,))
    assert operating_threshold(nobody, [EMPTY]) == {
        "score": 0.5,
        "precision": None,
        "recall": None,
        "f1": None,
    }
    assert operating_threshold(ImageSet("val", ("car",), ()), [])["f1"] is None
    with pytest.raises(InputError, match="0 detections for 1 images"):
        operating_threshold(truth, [])
