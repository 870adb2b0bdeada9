"""Groups of examples that are alike, and folds of whole groups."""

import numpy as np
import pytest

from cityzoo.data.groups import cluster_features, group_examples, join_groups, make_folds
from cityzoo.errors import InputError

SCENES = [
    "cluster000_fire2_mp4",
    "cluster000_img",
    "cluster004_fire2_mp4",
    "cluster005_img",
    "cluster006_img",
    "",
]


def test_clusters_of_one_video_are_one_group_but_frames_named_alike_are_not():
    assert group_examples(SCENES, "scene").tolist() == [0, 1, 2, 3, 4, 5]
    assert group_examples(SCENES, "video").tolist() == [0, 0, 0, 1, 2, 3]
    assert group_examples(SCENES, "example").tolist() == list(range(6))


def test_cameras_of_one_day_are_no_video():
    scenes = [
        "cam0_2024-05-01",
        "cam1_2024-05-01",
        "cam0_2024-05-02",
        "cam2_street_north",
        "cam3_street_north",
    ]
    assert group_examples(scenes, "video").tolist() == [0, 1, 0, 2, 3]


def test_near_duplicates_are_joined_and_images_without_texture_are_not():
    hashes = [
        "00ff00ff00ff00ff",
        "ffff0000ffff0000",
        "00ff00ff00ff00fc",
        "0000000000000000",
        "0000000000000001",
        "",
    ]
    assert group_examples([""] * 6, "duplicate", hashes).tolist() == [0, 1, 0, 2, 3, 4]
    assert group_examples([""] * 5 + ["a"], "auto", hashes).tolist() == [0, 1, 0, 2, 3, 4]


def test_clusters_keep_groups_whole():
    rng = np.random.default_rng(0)
    centers = np.repeat(np.eye(5) * 9, 8, axis=0)
    features = centers + rng.normal(size=centers.shape)
    found = cluster_features(features, np.arange(40), 5)
    assert [len(set(found[start : start + 8])) for start in range(0, 40, 8)] == [1] * 5
    assert len(set(found)) == 5
    tied = np.arange(40)
    tied[39] = 0  # an example of the last center in the first group
    assert cluster_features(features, tied, 5)[39] == cluster_features(features, tied, 5)[0]


def test_refuses_an_unknown_grouping_and_clusters_without_features():
    for by in ("clusters", "cluster"):
        with pytest.raises(InputError):
            group_examples(SCENES, by)


@pytest.mark.parametrize("folds", [2, 3, 5])
def test_folds_keep_groups_whole_and_balance_classes(folds):
    rng = np.random.default_rng(1)
    groups = rng.integers(0, 40, 400)
    counts = np.stack([rng.random(400) < 0.1, rng.random(400) < 0.5], axis=1)
    found = make_folds(groups, counts, folds)
    assert all(len(set(found[groups == group])) == 1 for group in range(40))
    assert found.tolist() == make_folds(groups, counts, folds).tolist()
    for column in (*counts.T, np.ones(400)):
        shares = np.bincount(found, column, folds) / column.sum()
        assert np.abs(shares - 1 / folds).max() < 0.08


def test_every_fold_gets_a_group_even_beside_a_huge_one():
    groups = np.array([0] * 97 + [1, 2, 3])
    assert set(make_folds(groups, np.ones((100, 1)), 4)) == {0, 1, 2, 3}
    with pytest.raises(ValueError, match="4 groups"):
        make_folds(groups, np.ones((100, 1)), 5)


def test_labels_that_are_unknown_join_nothing():
    assert join_groups(["", "", None, "a"], [None, "b", "b", "b"]).tolist() == [0, 1, 1, 1]


def test_images_have_hashes_that_find_the_same_image_at_another_size(tmp_path):
    from PIL import Image

    from cityzoo import tasks
    from cityzoo.sample import ImageExample, ImageSet

    pixels = np.random.default_rng(0).integers(0, 255, (8, 9, 3), np.uint8)
    image = Image.fromarray(pixels).resize((288, 256))
    for name, each in {"a": image, "b": image.resize((144, 128)), "c": image.transpose(0)}.items():
        each.save(tmp_path / f"{name}.png")
    examples = ImageSet(
        "train", ("x",), tuple(ImageExample(str(tmp_path / f"{n}.png"), (8, 8)) for n in "abc")
    )
    modality = tasks.find("vehicle_classify").modality
    assert group_examples(["", "", ""], "duplicate", modality.hashes(examples)).tolist() == [0, 0, 1]
