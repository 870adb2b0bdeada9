import numpy as np
import pytest

from cityzoo.errors import InputError
from cityzoo.metrics.detection_matches import (
    MAX_DETECTIONS,
    OVERLAPS,
    RECALLS,
    SIZES,
    match_detections,
    precision_at_recalls,
)
from cityzoo.metrics.matching import UNMATCHED, match
from cityzoo.sample import Detections
from tests.cityzoo.metrics.detection_sets import image_set, nasty_sets, reference


@pytest.mark.parametrize("name", [name for name in nasty_sets() if name != "no images"])
def test_every_detection_is_judged_as_by_pycocotools(name):
    truth, found = nasty_sets()[name]
    matches, evaluation = match_detections(truth, found), reference(truth, found)
    assert evaluation.params.areaRng == [list(size) for size in SIZES.values()]
    assert (evaluation.params.iouThrs == OVERLAPS).all() and (evaluation.params.recThrs == RECALLS).all()
    judged = 0
    for number, said in enumerate(evaluation.evalImgs):
        label, rest = divmod(number, len(SIZES) * len(truth))
        size, image = divmod(rest, len(truth))
        rows = (matches.images == image) & (matches.labels == label)
        known = (matches.truth_images == image) & (matches.truth_labels == label)
        assert rows.any() or known.any() or said is None
        if said is None:
            continue
        assert (said["dtScores"] == matches.scores[rows]).all()
        assert ((said["dtMatches"] > 0) & ~said["dtIgnore"] == matches.hits[size][:, rows]).all()
        assert (said["dtIgnore"] == matches.ignored[size][:, rows]).all()
        assert sorted(said["gtIgnore"]) == sorted(matches.truth_ignored[size][known])
        if size == 0:
            assert (said["dtMatches"][0] - 1 == matches.owners[rows]).all()
            judged += rows.sum()
    assert judged == len(matches.scores)


def test_the_sets_hold_what_makes_matching_hard():
    truth, found = nasty_sets()["over 100"]
    matches = match_detections(truth, found)
    assert np.bincount(found[0].labels).max() > MAX_DETECTIONS == np.bincount(matches.labels).max()
    crowded = match_detections(*nasty_sets()["crowded"])
    assert 20 < (crowded.owners != UNMATCHED).sum() < len(crowded.owners)
    random = match_detections(*nasty_sets()["random"])
    assert random.hits[:, 0].any(axis=1).all() and random.ignored[1:, 0].any(axis=1).all()


def test_a_box_of_another_size_is_taken_last_and_counts_for_nothing():
    # A small box within a medium one: 30 * 30 and 33 * 33, IoU .83. Both detections lie on the small one.
    truth = image_set(([[0, 0, 33, 33], [0, 0, 30, 30]], [0, 0]))
    matches = match_detections(truth, [Detections([[0, 0, 30, 30], [0, 0, 31, 31]], [0.9, 0.8], [0, 0])])
    small, medium = list(SIZES).index("small"), list(SIZES).index("medium")
    assert matches.owners.tolist() == [1, 0]
    # of the small ones the first finds the box, the second one finds what does not count
    assert matches.hits[small, 0].tolist() == [True, False]
    assert matches.ignored[small, 0].tolist() == [False, True]
    # of the medium ones the first takes the medium box, though it overlaps the small one more
    assert matches.hits[medium, 0].tolist() == [True, False]
    # at IoU .85 neither fits it any more: small detections then count for nothing
    assert matches.hits[medium, 7].tolist() == [False, True] and matches.ignored[medium, 8].all()


def test_finds_the_same_as_the_matching_of_single_images():
    truth, found = nasty_sets()["tied scores"]
    matches, first = match_detections(truth, found), 0
    for row, (image, some) in enumerate(zip(truth.examples, found, strict=True)):
        alone = match(image, some)[np.argsort(-some.scores, kind="stable")]
        assert (matches.owners[matches.images == row] == np.where(alone < 0, UNMATCHED, alone + first)).all()
        first += len(image.labels)


def test_rows_of_an_image_and_of_a_class():
    truth = image_set(([], []), ([[0, 0, 10, 10], [20, 0, 30, 10]], [1, 0]))
    found = [
        Detections([[0, 0, 9, 9]], [0.5], [1]),
        Detections([[0, 0, 10, 5], [20, 0, 30, 10]], [0.5, 0.7], [1, 1]),
    ]
    matches = match_detections(truth, found)
    assert matches.scores.tolist() == pytest.approx([0.5, 0.7, 0.5])
    assert matches.ranked(1).tolist() == [1, 0, 2]  # equal scores in the order of the images
    rows, known, iou = matches.overlaps_of(1)
    assert (rows.tolist(), known.tolist(), iou.tolist()) == ([1, 2], [0, 1], [[0, 1], [0.5, 0]])
    assert matches.overlaps_of(0)[2].shape == (1, 0) and matches.n_truth().tolist() == [1, 1, 0]


def test_what_a_diverged_model_gives_is_left_out_and_unusable_input_is_named():
    truth = image_set(([[0, 0, 50, 50]], [0]))
    found = [Detections([[0, 0, 50, 50], [0, 0, np.nan, 9], [0, 0, 9, 9]], [0.4, 0.9, np.nan], [0, 0, 0])]
    assert match_detections(truth, found).owners.tolist() == [0]
    with pytest.raises(InputError, match="0 detections for 1 images"):
        match_detections(truth, [])


def test_precision_at_recalls_without_detections_is_nothing():
    assert (precision_at_recalls(np.zeros(0, bool), 3) == np.zeros(101)).all()
