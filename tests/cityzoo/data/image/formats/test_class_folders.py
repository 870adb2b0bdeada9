import pytest
from PIL import Image

from cityzoo.data.image import load
from cityzoo.data.image.formats import class_folders
from cityzoo.errors import InputError


@pytest.fixture
def tree(tmp_path, paint):
    """Return a function that paints an image at each path and returns the root."""

    def write(*paths, **save):
        for path in paths:
            paint(tmp_path / "set" / path, **save)
        return tmp_path / "set"

    return write


def _seen(root):
    return {
        each.path.removeprefix(f"{root}/"): (each.split, each.names)
        for each in class_folders.read(str(root)).images
    }


def test_a_folder_a_class_in_alphabetical_order(tree):
    root = tree("smoke/a.jpg", "Fire/b.PNG", "normal/cam1/deep/c.JPEG", "fire+smoke/d.jpg")
    assert class_folders.matches(str(root))
    assert class_folders.read(str(root)).class_names == ("Fire", "fire", "normal", "smoke")
    assert _seen(root) == {
        "smoke/a.jpg": (None, ("smoke",)),
        "Fire/b.PNG": (None, ("Fire",)),
        "normal/cam1/deep/c.JPEG": (None, ("normal",)),
        "fire+smoke/d.jpg": (None, ("fire", "smoke")),
    }


def test_splits_hold_the_class_folders(tree):
    root = tree("train/fire/a.png", "train/none/b.png", "valid/fire/c.png", "test/none/d.png")
    assert _seen(root) == {
        "train/fire/a.png": ("train", ("fire",)),
        "train/none/b.png": ("train", ("none",)),
        "valid/fire/c.png": ("val", ("fire",)),
        "test/none/d.png": ("test", ("none",)),
    }
    (tree() / "valid/none").mkdir()
    data = load(str(root), wants="labels")
    assert data.train.class_names == ("fire", "none")
    assert [each.target.tolist() for each in data.train.examples] == [[1, 0], [0, 1]]
    assert data.findings.counts["test split"] == 1
    assert data.findings.first["absent in val"] == ["none"]


def test_a_class_called_train_is_one_among_vehicles(tree):
    root = tree("bus/a.jpg", "train/b.jpg")
    assert _seen(root) == {"bus/a.jpg": (None, ("bus",)), "train/b.jpg": (None, ("train",))}


@pytest.mark.parametrize(
    "paths",
    [
        ("a.jpg",),
        ("train/a.jpg", "val/b.jpg"),
        ("images/a.jpg",),
        ("images/train/a.jpg", "images/val/a.jpg"),
        ("train/images/a.jpg", "val/images/b.jpg"),
        ("JPEGImages/a.jpg",),
        ("masks/fire/a.png",),
        ("roads/train/fire/a.jpg", "roads/val/fire/a.jpg"),
        ("roads/images/a.jpg", "roads/labels/a.jpg"),
        (".hidden/a.jpg", "__MACOSX/a.jpg"),
    ],
)
def test_other_layouts_are_not_taken_for_classes(tree, paths):
    assert not class_folders.matches(str(tree(*paths)))


def test_annotations_of_another_format_come_first(tree, write_lines):
    root = tree("roads/a.jpg")
    assert class_folders.matches(str(root))
    write_lines(root / "roads/a.xml", "<annotation>", "</annotation>")
    assert not class_folders.matches(str(root))
    assert not class_folders.matches(str(root / "none"))
    assert not class_folders.matches("tfds:voc")


def test_masks_are_found_beside(tree):
    root = tree("train/good/1.jpg", "train/broken/2.jpg", "train/broken/deep/3.jpg", "test/broken/4.jpg")
    tree("masks/train/broken/2.png", "masks/train/broken/deep/3.png", "ground_truth/broken/4_mask.png")
    masks = {
        each.path[-5:]: each.mask.removeprefix(f"{root}/") for each in class_folders.read(str(root)).images
    }
    assert masks == {
        "1.jpg": "",
        "2.jpg": "masks/train/broken/2.png",
        "3.jpg": "masks/train/broken/deep/3.png",
        "4.jpg": "ground_truth/broken/4_mask.png",
    }
    (alone,) = class_folders.read(str(root / "test")).images
    assert alone.mask == str(root / "ground_truth/broken/4_mask.png")
    assert alone.split is None


def test_a_mask_that_does_not_fit_is_said(tree):
    root = tree("fire/1.png", "fire/2.png", "fire/3.png", "masks/fire/1.png")
    Image.new("L", (8, 8)).save(root / "masks/fire/2.png")
    (root / "masks/fire/3.png").write_bytes(b"x")
    data = load(str(root), wants="labels")
    masks = {each.path[-5:]: each.mask for side in (data.train, data.val) for each in side.examples}
    assert masks == {"1.png": str(root / "masks/fire/1.png"), "2.png": "", "3.png": ""}
    assert sorted(data.findings.first["bad mask"]) == [
        "masks/fire/2.png (8 x 8)",
        "masks/fire/3.png (not an image)",
    ]


def test_images_outside_the_classes_are_left_out_and_counted(tree):
    root = tree("train/fire/a.jpg", "val/fire/b.jpg", "val/c.jpg", "overview.jpg")
    data = load(str(root), wants="labels")
    assert (len(data.train), len(data.val)) == (1, 1)
    assert sorted(data.findings.first["no label"]) == ["overview.jpg", "val/c.jpg"]


def test_class_folders_beside_splits_are_refused(tree):
    root = tree("train/fire/a.jpg", "val/fire/b.jpg", "extra/c.jpg")
    with pytest.raises(InputError, match=r"splits \(train, val\).*'extra': move"):
        load(str(root), wants="labels")


def test_an_empty_class_folder_is_named(tree):
    root = tree(*(f"fire/{number}.jpg" for number in range(4)))
    (root / "smoke").mkdir()
    with pytest.raises(
        InputError, match="no image of the class smoke in the train .*--classes fire"
    ) as raised:
        load(str(root), wants="labels")
    assert "\n" not in str(raised.value)
    data = load(str(root), wants="labels", classes=["fire"])  # one class: the task says whether that will do
    assert data.train.class_names == ("fire",)


def test_an_unreadable_image_in_a_class_folder(tree):
    root = tree(*(f"{name}/{number}.png" for name in ("a", "b") for number in range(4)))
    (root / "a/2.png").write_bytes(b"x")
    with pytest.raises(
        InputError, match=r"unreadable images: 1 \(a/2.png \(not an image\)\).*--bad-boxes drop"
    ):
        load(str(root), wants="labels")
    data = load(str(root), wants="labels", labels="drop")
    assert len(data.train) + len(data.val) == 7


def test_copies_in_two_classes_contradict(tree):
    root = tree("train/a/1.png", "train/a/2.png", "train/b/3.png", "val/a/4.png", "val/b/5.png")
    (root / "train/b/copy.png").write_bytes((root / "train/a/1.png").read_bytes())
    (root / "val/b/copy.png").write_bytes((root / "train/a/1.png").read_bytes())
    (root / "train/a/same.png").write_bytes((root / "train/a/2.png").read_bytes())
    message = (
        r"contradictory labels: 3 \(train/a/1.png \(a\), train/b/copy.png \(b\), "
        r"val/b/copy.png \(b\)\); correct them, or skip them with --bad-boxes drop$"
    )
    for labels in ("clip", "fail"):
        with pytest.raises(InputError, match=message):
            load(str(root), wants="labels", labels=labels)
    data = load(str(root), wants="labels", labels="drop")
    assert (len(data.train), len(data.val)) == (3, 2)
    assert data.findings.counts["contradiction"] == 3
    merged = load(str(root), wants="labels", class_map={"b": "a"})
    assert merged.findings.counts["contradiction"] == 0
