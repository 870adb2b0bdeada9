"""Slices of painted images with known light, crowds, sizes and scenes, named by folders, patterns and tables."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cityzoo.data.image.slices import parse_slice_by, slice_masks
from cityzoo.errors import InputError
from cityzoo.sample import ImageExample, ImageSet

SHARED = Path(__file__).resolve().parents[4].parent / "shared" / "data"
PATHS = ["roads/cam1/val/images/day_001.jpg", "roads/cam2/night_002.jpg", "roads/cam2/night_003.jpg"]


def set_of(images, names=("car",)):
    return ImageSet("val", names, tuple(images))


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Three plain images: night, dusk and day."""
    folder = tmp_path_factory.mktemp("light")
    for name, luma in (("night", 49), ("dusk", 69), ("day", 70)):
        Image.new("L", (16, 12), luma).save(folder / f"{name}.png")
    return [str(folder / f"{name}.png") for name in ("night", "dusk", "day")]


def shown(masks):
    """Attribute -> slice -> the numbers of its images."""
    return {by: {name: np.flatnonzero(m).tolist() for name, m in each.items()} for by, each in masks.items()}


def test_light_and_crowds(files):
    """Of images with boxes, size is no slice; plain ones are all as sharp, which is none either."""
    counts = {0: (0, 1), 1: (1, 4), 2: (5, 14, 15, 40)}
    images = [
        ImageExample(files[file], (12 + file * 100, 160), [[0, 0, 4, 4]] * boxes, [0] * boxes)
        for file, numbers in counts.items()
        for boxes in numbers
    ]
    masks = slice_masks(set_of(images))
    assert shown(masks) == {
        "brightness": {"night": [0, 1], "dusk": [2, 3], "day": [4, 5, 6, 7]},
        "crowding": {"0": [0], "1-4": [1, 2, 3], "5-14": [4, 5], "15+": [6, 7]},
    }
    assert all(mask.dtype == bool for each in masks.values() for mask in each.values())


def test_sizes_of_crops(files):
    sizes = [(31, 33), (32, 32), (95, 96), (96, 96)]
    assert shown(slice_masks(set_of(ImageExample(files[2], size) for size in sizes))) == {
        "brightness": {"day": [0, 1, 2, 3]},
        "size": {"small": [0], "medium": [1, 2], "large": [3]},
    }


def test_thirds_of_blur(tmp_path):
    order = [4, 0, 2, 5, 1, 3]
    for name, rank in enumerate(order):
        noise = np.random.default_rng(0).integers(0, 2, (64, 64)) * (10 + 10 * rank) + 100
        Image.fromarray(noise.astype(np.uint8)).save(tmp_path / f"{name}.png")
    found = shown(slice_masks(set_of(ImageExample(str(tmp_path / f"{n}.png"), (64, 64)) for n in range(6))))
    assert found["blur"] == {"blurry": [1, 4], "medium": [2, 5], "sharp": [0, 3]}


@pytest.mark.parametrize(
    ("scenes", "found"),
    [
        ("b a b a c", {"a": [1, 3], "b": [0, 2], "other": [4]}),
        ("a a a a a", None),  # one scene
        ("a a b b c d e f g", None),  # two scenes, but most images are of others
        ("car car van van a", None),  # folders of classes
        (" ".join(f"s{i // 2}" for i in range(62)), None),  # 31 scenes
    ],
)
def test_scenes_that_names_tell(files, scenes, found):
    images = [ImageExample(files[2], (12, 16), scene=scene) for scene in scenes.split()]
    assert shown(slice_masks(set_of(images, ("car", "Van")))).get("scene") == found


def test_scenes_that_are_asked_for(files, tmp_path):
    images = [ImageExample(file, (12, 16), scene="a") for file in files]
    found = shown(slice_masks(set_of(images), r"(night|dusk)\.png"))["scene"]
    assert found == {"dusk": [1], "night": [0], "other": [2]}
    read = []
    with pytest.raises(InputError, match="has 0 groups"):
        slice_masks(set_of(images), "night", lambda *ticks: read.append(ticks))
    many = [ImageExample(f"{number}.png", (12, 16)) for number in range(101)]
    with pytest.raises(InputError, match="--slice-by.*101 slices of 101 images, allowed are 100"):
        slice_masks(set_of(many), r"(\d+)\.png", lambda *ticks: read.append(ticks))
    assert read == []  # said before anything is read


def test_night_on_a_road():
    """The first scene was filmed at night; a few frames of it and of another were brightened or darkened."""
    folder = SHARED / "traffic_cam" / "val" / "images"
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder}")
    images = [
        ImageExample(str(file), (640, 640), scene=file.name.split("_")[0])
        for file in sorted(folder.glob("*.jpg"))
    ]
    masks = slice_masks(set_of(images))
    night, filmed = masks["brightness"]["night"], masks["scene"]["scene0"]
    assert filmed.sum() == 17 and (night & filmed).sum() >= 16 and (night & ~filmed).sum() <= 1


@pytest.mark.parametrize(
    ("by", "names"),
    [
        ("folder", ["cam1", "cam2", "cam2"]),
        (r"cam(\d)", ["1", "2", "2"]),
        (r"/(day|dusk)_", ["day", "other", "other"]),
        (r"(?:cam)(?P<light>2)?", ["other", "2", "2"]),
    ],
)
def test_folders_and_patterns(by, names):
    assert parse_slice_by(by)(PATHS) == names


@pytest.mark.parametrize(
    ("rows", "names"),
    [
        ("file,slice\nday_001.jpg,north\nnight_*.jpg,south\n", ["north", "south", "south"]),
        ("\ufeffnight_002.jpg,wet\n\n*night_*,dry", ["other", "wet", "dry"]),  # the first row that fits
        ("cam2/night_003.jpg, left\n./roads/cam2/night_002.jpg,right", ["other", "right", "left"]),
        ("images/*.jpg,here\nNIGHT_002.JPG,no", ["here", "other", "other"]),
    ],
)
def test_tables(tmp_path, rows, names):
    table = tmp_path / "cameras.csv"
    table.write_text(rows)
    assert parse_slice_by(str(table))(PATHS) == names


def test_what_is_wrong_is_said_in_a_line(tmp_path):
    table = tmp_path / "cameras.csv"
    table.write_text("file,slice\na.jpg,north\nb.jpg\n")
    one, three = tmp_path / "one.csv", tmp_path / "three.csv"
    one.write_text("nowhere.jpg,x\n")
    three.write_text("a.jpg,x,y\n")
    for by, words in {
        "cam(": "regular expression (missing ), unterminated subpattern",
        "cam": "has 0 groups, expected one",
        "(cam)(1)": "has 2 groups",
        str(table): "line 3 has 1 fields, expected two",
        str(three): "line 1 has 3 fields, expected two",
        str(tmp_path / "no.csv"): "cannot be read",
    }.items():
        with pytest.raises(InputError) as raised:
            parse_slice_by(by)
        assert words in str(raised.value) and "\n" not in str(raised.value)
    for by in (r"kerb(\d)", str(one)):
        with pytest.raises(InputError, match=r"none of 3 files, e.g. 'roads/cam1/val/images/day_001.jpg'"):
            parse_slice_by(by)(PATHS)
