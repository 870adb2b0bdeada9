"""Where no object can stand: masks that follow their images, and rules that cannot be learned."""

import logging
import re

import numpy as np
import pytest
from PIL import Image, ImageDraw

import augment
from cityzoo.data.image.polygons import find_inside
from cityzoo.data.image.views import AugmentedViews
from cityzoo.errors import InputError
from cityzoo.outputs.detection import Detection
from cityzoo.sample import ImageExample, ImageSet

NAMES = ("bus", "car")
HEIGHT, WIDTH = 160, 200
ROADS = {
    "north": [[0.1, 0.9], [0.45, 0.2], [0.6, 0.2], [0.95, 0.9]],
    "south": [[0, 0.3], [0.7, 0.5], [1, 0.35], [1, 1], [0, 0.8]],
}
RULES = {"scenes": {scene: {"places": [{"points": points}]} for scene, points in ROADS.items()}}
MOVING = [
    {"transform": "crop", "side": [0.5, 0.9]},
    {"transform": "flip"},
    {"transform": "rotate", "degrees": [-15, 15]},
    {"transform": "shear", "x_degrees": [-9, 9], "y_degrees": [-5, 5]},
    {"transform": "scale", "factor": [0.7, 1.4]},
]
MIXING = [{"transform": "mosaic", "probability": 0.7}, {"transform": "copy_paste", "share": 1.0}]


@pytest.fixture(scope="module")
def cameras(tmp_path_factory):
    """Two images each of two cameras: white where objects can stand, black elsewhere, gray where it is close."""
    folder, images = tmp_path_factory.mktemp("cameras"), []
    y, x = np.mgrid[:HEIGHT, :WIDTH] + 0.5
    centers = np.stack([x.ravel() / WIDTH, y.ravel() / HEIGHT], axis=1)
    for number in range(4):
        scene = ("north", "south")[number % 2]
        inside = find_inside(centers, ROADS[scene]).reshape(HEIGHT, WIDTH)
        image = Image.fromarray(np.repeat(np.uint8(255 * inside)[..., None], 3, axis=-1))
        corners = [(px * WIDTH - 0.5, py * HEIGHT - 0.5) for px, py in [*ROADS[scene], ROADS[scene][0]]]
        ImageDraw.Draw(image).line(corners, (128, 128, 128), 5)
        image.save(folder / f"{number}.png")
        box = [70.0, 90, 110, 130]
        images.append(
            ImageExample(str(folder / f"{number}.png"), (HEIGHT, WIDTH), [box], [number % 2], scene=scene)
        )
    return ImageSet("train", NAMES, tuple(images))


def ruled(content, train, names=NAMES):
    """The output that knows the rules."""
    return Detection(names, rule_loss=content).with_train_statistics(train)


@pytest.mark.parametrize("policy", [[], MOVING, [*MOVING, *MIXING]], ids=["none", "moved", "mixed"])
def test_the_painted_road_is_where_the_mask_says(cameras, policy):
    """Every pixel that is certainly white is allowed, every one that is certainly black is not; bars are."""
    views = AugmentedViews(cameras, ruled(RULES, cameras), augment.get_policy(policy), (128, 128), 4, 3)
    rows = [(row, view) for view in range(6) for row in range(4)]
    images, targets, _ = views.load_batch(rows)
    cells = targets.numpy()[:, 4:, :4].reshape(-1, 32, 32)
    sampled = images.numpy()[:, 2::4, 2::4].max(axis=-1)
    black, white = sampled <= 2, sampled >= 253
    assert set(np.unique(cells)) == {0, 1}
    assert (cells[black] == 1).all() and (cells[white] == 0).all()
    assert black.mean() > 0.15 and white.mean() > 0.15
    assert targets.shape == (24, 4 + 256, 5)  # 1,024 cells in rows of 4 after 4 rows of boxes
    assert (targets.numpy()[:, 4:, 4] == -1).all()  # rows of cells are no boxes


def test_without_rules_targets_are_boxes_alone(cameras):
    views = AugmentedViews(cameras, Detection(NAMES).with_train_statistics(cameras), "none", (64, 64), 4, 3)
    assert views.load_batch([(0, 0)])[1].shape == (1, 4, 5) and views.row_bytes == 4 * 20 + 36


def test_masks_are_among_the_facts_of_cached_features(cameras):
    """One point of one camera moves: another cache; so does room for the larger targets."""
    moved = {"scenes": {**RULES["scenes"], "north": {"places": [{"points": [[0, 0], [1, 0], [1, 1]]}]}}}
    facts = []
    for content in (RULES, RULES, moved):
        views = AugmentedViews(cameras, ruled(content, cameras), "none", (64, 64), 4, 3)
        facts.append(list(map(str, views.cache_facts())))
        assert views.row_bytes == 4 * 20 + 64 * 20 + 36  # 256 cells
    assert facts[0] == facts[1] != facts[2]


def test_classes_have_bits_of_their_own(cameras):
    """Buses keep to the left half, cars to the lower one."""
    places = [
        {"points": [[0, 0], [0.5, 0], [0.5, 1], [0, 1]], "classes": ["bus"]},
        {"points": [[0, 0.5], [1, 0.5], [1, 1], [0, 1]], "classes": ["car"]},
    ]
    output = ruled({"places": places}, cameras, ("bus", "car", "tram"))
    assert output.known_rules[1].bits == (0, 1, 8)
    (mask,) = output.label_columns(cameras.examples[:1])["masks"]
    assert [mask()[y, x, 0] for y, x in ((20, 20), (20, 180), (140, 20), (140, 180))] == [2, 3, 0, 1]
    assert output.loss((64, 64)).get_config()["bits"] == [0, 1, 8]


def test_labels_that_break_rules_are_counted_and_not_learned(cameras, caplog):
    """The lower end of the box of all four images is at (.45, .81): on both roads, and not in the upper left."""
    corner = {"points": [[0, 0], [0.5, 0], [0.5, 0.5], [0, 0.5]], "classes": ["car"]}
    with caplog.at_level(logging.WARNING):
        every = ruled(RULES, cameras).label_columns(cameras.examples)
        assert not caplog.records and list(map(len, every["labels"])) == [1] * 4
        columns = ruled({"places": [corner]}, cameras).label_columns(cameras.examples)
    assert "2 of 4" in caplog.text
    assert [labels.tolist() for labels in columns["labels"]] == [[0], [], [0], []]
    assert list(map(len, columns["boxes"])) == [1, 0, 1, 0]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({"heights": [{"at": [0.5, 1], "least": [0, 0], "most": [1, 1]}]}, "no places"),
        ({"places": [{"points": [[0, 0], [1, 1], [1, 0]], "classes": ["tram"]}]}, "tram"),
    ],
)
def test_rules_that_cannot_be_learned_are_one_line(cameras, content, expected):
    with pytest.raises(InputError, match=re.escape(expected)) as caught:
        ruled(content, cameras)
    assert str(caught.value).startswith("--rule-loss") and "\n" not in str(caught.value)


def test_more_groups_of_classes_than_bits_are_refused(cameras):
    names = tuple(f"class {n}" for n in range(9))
    square = [[0, 0], [0.5, 0], [0.5, 1], [0, 1]]
    places = [{"points": square, "classes": [name]} for name in names]
    with pytest.raises(InputError, match="9 groups"):
        ruled({"places": places}, ImageSet("train", names, cameras.examples), names)
    together = [{"points": square, "classes": list(names)}]
    assert set(ruled({"places": together}, cameras, names).known_rules[1].bits) == {0}
