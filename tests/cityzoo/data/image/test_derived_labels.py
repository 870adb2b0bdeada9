"""Labels of whole images made from boxes: crops found again in pixels, presence, counts, cover."""

import numpy as np
import pytest

from cityzoo.data.image import derived_labels, load
from cityzoo.data.image.views import AugmentedViews, sequential_order
from cityzoo.errors import InputError
from cityzoo.outputs.classification import Classification
from cityzoo.sample import ImageExample, ImageSet
from cityzoo.tasks.vehicle_classify import VehicleType

NAMES = ("bus", "car")


def side(*images, names=NAMES):
    """A set for training."""
    return ImageSet("train", tuple(names), images)


def windows(*boxes, size_hw=(100, 200), **how):
    """Windows that are cut around boxes."""
    found = derived_labels.crop_boxes(side(ImageExample("a.jpg", size_hw, boxes, [0] * len(boxes))), **how)
    return [image.window_xyxy for image in found.examples]


def test_a_crop_is_its_box():
    """An image for each, with the box's class alone; the file's other facts stay."""
    street = ImageExample(
        "a.jpg", (100, 200), [[10, 20, 50, 60], [100, 10, 180, 90]], [1, 0], plain=False, scene="x"
    )
    first, second = derived_labels.crop_boxes(side(street)).examples
    assert first.window_xyxy == (10, 20, 50, 60) and first.size_hw == (40, 40)
    assert (first.target.tolist(), second.target.tolist()) == ([0, 1], [1, 0])
    assert (first.path, first.plain, first.scene) == ("a.jpg", False, "x")
    assert len(first.boxes_xyxy) == len(first.labels) == 0


@pytest.mark.parametrize(
    ("context", "window"),
    [(0.0, (80, 40, 120, 60)), (0.5, (70, 35, 130, 65)), (1.0, (60, 30, 140, 70)), (9.0, (0, 0, 200, 100))],
)
def test_context_is_a_share_map_splits(context, window):
    """Half of it on either side, no further than the image."""
    assert windows([80, 40, 120, 60], context=context) == [window]


@pytest.mark.parametrize(
    ("box", "window"),
    [
        ([0, 0, 20, 10], (0, 0, 22, 11)),
        ([180, 90, 200, 100], (178, 89, 200, 100)),
        ([9.6, 9.6, 30.4, 30.4], (8, 8, 32, 32)),
        ([190.6, 91.6, 200, 100], (190, 91, 200, 100)),
    ],
)
def test_windows_end_at_the_edge_of_the_image(box, window):
    assert windows(box, context=0.2) == [window]


def test_a_crop_has_no_mask():
    """A mask is as large as its image, and the crop is not."""
    street = ImageExample("a.jpg", (100, 200), [[10, 20, 50, 60]], [1], mask="m.png")
    assert derived_labels.crop_boxes(side(street)).examples[0].mask == ""


def test_small_boxes_are_left_out():
    """By their shorter side; of 8 pixels one stays, of 7.9 not."""
    boxes = [[0, 0, 8, 8], [0, 0, 7.9, 50], [10, 10, 60, 17.5], [5, 5, 9, 9]]
    assert windows(*boxes) == [(0, 0, 8, 8)]
    assert len(windows(*boxes, least_px=4)) == 4 and windows(*boxes, least_px=9) == []


@pytest.mark.parametrize("fraction", [0.0, 0.3, 0.5, 0.9])
def test_the_smallest_box_still_has_a_pixel(fraction):
    """One pixel wide anywhere, the last column too."""
    boxes = [[x + fraction, 5, min(x + 1 + fraction, 200), 6] for x in (0, 57, 198)] + [[199, 99, 200, 100]]
    for x1, y1, x2, y2 in windows(*boxes, least_px=0):
        assert 0 <= x1 < x2 <= 200 and 0 <= y1 < y2 <= 100


@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_the_network_sees_the_painted_box(tmp_path, paint, suffix):
    """A white box on a dark street: without context the input is white, with as much again its middle is."""
    box, size_wh = (37, 21, 85, 53), (160, 90)
    path = paint(tmp_path / f"street.{suffix}", size_wh, box)
    street = ImageExample(str(path), size_wh[::-1], [box], [1])
    for context, expected in ((0.0, [0, 0, 64, 64]), (1.0, [16, 16, 48, 48])):
        cut = derived_labels.crop_boxes(side(street), context)
        views = AugmentedViews(cut, VehicleType(NAMES), "none", (64, 64), max_rows=0, seed=0)
        ((images, targets, _),) = views.batches(sequential_order(1), 1).as_numpy_iterator()
        assert targets.tolist() == [[0, 1]]
        ys, xs = np.nonzero(images[0].min(axis=-1) > 128)
        assert [xs.min(), ys.min(), xs.max() + 1, ys.max() + 1] == pytest.approx(expected, abs=1)


def test_crops_of_one_file_stay_themselves_where_decoded_images_are_kept(tmp_path, paint):
    """A white and a dark box of the same street, twice through the store."""
    path = paint(tmp_path / "street.png", (160, 90), (20, 20, 60, 60))
    street = ImageExample(str(path), (90, 160), [[20, 20, 60, 60], [100, 20, 140, 60]], [1, 0])
    views = AugmentedViews(
        derived_labels.crop_boxes(side(street)), Classification(NAMES), "none", (32, 32), 0, 0, "memory"
    )
    for _ in range(2):
        ((images, _, _),) = views.batches(sequential_order(2), 2).as_numpy_iterator()
        assert images[0].min() > 250 and images[1].max() < 80


def test_presence_from_boxes():
    """Once or often is the same; classes that stand for none are none, however they are spelt."""
    street = ImageExample("a.jpg", (50, 50), [[0, 0, 9, 9]] * 3, [0, 0, 2])
    calm, empty = ImageExample("b.jpg", (50, 50), [[0, 0, 9, 9]], [1]), ImageExample("c.jpg", (50, 50))
    made = derived_labels.label_presence(side(street, calm, empty, names=("fire", "Normal", "smoke", "none")))
    assert made.class_names == ("fire", "smoke")
    assert [each.target.tolist() for each in made.examples] == [[1, 1], [0, 0], [0, 0]]
    assert all(len(each.boxes_xyxy) == len(each.labels) == 0 for each in made.examples)


def test_presence_from_labels_and_their_contradictions():
    """Fire and smoke agree, fire and normal do not; a frame of "normal" has nothing."""
    names = ("fire", "normal", "smoke")
    made = derived_labels.label_presence(
        side(
            *(ImageExample("a.jpg", (9, 9), target=each) for each in ([1, 0, 1], [0, 1, 0], [0, 0, 0])),
            names=names,
        )
    )
    assert [each.target.tolist() for each in made.examples] == [[1, 1], [0, 0], [0, 0]]
    with pytest.raises(InputError, match=r"'bad.jpg' .*fire\+normal: correct"):
        derived_labels.label_presence(side(ImageExample("bad.jpg", (9, 9), target=[1, 1, 0]), names=names))


def test_nothing_but_none_is_refused():
    """Frames of "normal" alone leave no class to learn."""
    calm = ImageExample("a.jpg", (9, 9), target=[1])
    with pytest.raises(InputError, match="normal"):
        derived_labels.label_presence(side(calm, names=("normal",)))


def test_what_stands_for_none_can_be_said():
    street = ImageExample("a.jpg", (9, 9), target=[1, 0])
    made = derived_labels.label_presence(side(street, names=("quiet", "fire")), absent=("quiet",))
    assert made.class_names == ("fire",) and made.examples[0].target.tolist() == [0]


def test_counts_keep_their_boxes():
    """They are what the density map is painted from."""
    street = ImageExample("a.jpg", (50, 50), [[0, 0, 9, 9], [9, 9, 30, 30]], [0, 1])
    made = derived_labels.count_boxes(side(street, ImageExample("b.jpg", (50, 50))))
    assert [each.target.tolist() for each in made.examples] == [[2], [0]]
    assert made.examples[0].boxes_xyxy.tolist() == street.boxes_xyxy.tolist() and made.class_names == NAMES


@pytest.mark.parametrize(
    ("boxes", "share"),
    [
        ([], 0.0),
        ([[0, 0, 400, 300]], 1.0),
        ([[0, 0, 200, 150], [200, 150, 400, 300]], 0.5),
        ([[0, 0, 200, 300], [0, 0, 200, 300], [100, 0, 300, 300]], 0.75),  # what overlaps counts once
    ],
)
def test_cover_by_hand(boxes, share):
    assert derived_labels.covered_area(
        ImageExample("a.jpg", (300, 400), boxes, [0] * len(boxes))
    ) == pytest.approx(share, abs=0.01)


def test_cover_is_that_of_pixels():
    """Random boxes on images of any shape, against a mask in full size; exactly where it is small."""
    rng = np.random.default_rng(0)
    for height, width, within in ((1080, 1920, 0.02), (150, 90, 1e-6), (700, 120, 0.02)):
        corners = rng.uniform(0, [width * 0.8, height * 0.8], (9, 2)).round()
        boxes = np.concatenate([corners, corners + rng.integers(10, 40, (9, 2))], axis=1)
        boxes = np.minimum(boxes, [width, height, width, height])
        mask = np.zeros((height, width), bool)
        for x1, y1, x2, y2 in boxes.astype(int):
            mask[y1:y2, x1:x2] = True
        found = derived_labels.covered_area(ImageExample("a.jpg", (height, width), boxes, [0] * 9))
        assert found == pytest.approx(mask.mean(), abs=within)


def dataset(yolo):
    """Four streets with a box each, of two shapes."""
    return load(str(yolo({f"{part}/{n}": ["0 .5 .5 .4 .4"] for part in ("train", "val") for n in "ab"})))


def test_both_sides_are_changed_and_described(yolo):
    """What a report says of the data is what training sees."""
    before = dataset(yolo)
    assert not before.labeled
    after = derived_labels.map_splits(before, derived_labels.crop_boxes)
    assert after.labeled and all(each.window_xyxy for each in (*after.train.examples, *after.val.examples))
    name = after.train.class_names[0]
    assert after.findings.splits["train"]["labels"][name] == len(after.train.examples) == 2


def test_a_side_that_is_left_empty_is_named(yolo):
    with pytest.raises(InputError, match="no image with a label in the train split"):
        derived_labels.map_splits(dataset(yolo), lambda side: derived_labels.crop_boxes(side, least_px=1000))
