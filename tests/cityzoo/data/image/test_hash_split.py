import pytest

from cityzoo.data.files import fraction_of
from cityzoo.data.image.hash_split import scene_of, split_by_hash, take_first
from cityzoo.data.image.image_info import ImageInfo
from cityzoo.data.image.raw import PIXELS_XYXY, RawImage
from cityzoo.errors import InputError


def _raw(names):
    return [RawImage(f"/any/{name}.jpg", (), PIXELS_XYXY, "x") for name in names]


class _Opener:
    """Facts whose digest is the file's name, and a note of what was opened."""

    def __init__(self, digests=None):
        self.opened, self.digests = [], digests or {}

    def __call__(self, images):
        self.opened += [each.path for each in images]
        return {each.path: ImageInfo(digest=self.digests.get(each.path, each.path)) for each in images}


def test_hash_fractions_are_evenly_spread():
    fractions = [fraction_of(str(number)) for number in range(2000)]
    assert all(0 <= each < 1 for each in fractions)
    assert abs(sum(each < 0.2 for each in fractions) / 2000 - 0.2) < 0.03


def test_sides_do_not_depend_on_the_other_images():
    names = [str(number) for number in range(200)]
    val = {each.path for each in split_by_hash(_raw(names), 0.2, None, _Opener())[1]}
    half = {each.path for each in split_by_hash(_raw(names[::-2]), 0.2, None, _Opener())[1]}
    assert half == {path for path in val if int(path[5:-4]) % 2 == 1}
    assert 20 <= len(val) <= 60


def test_copies_of_one_file_never_part():
    images = _raw(str(number) for number in range(40))
    digests = {each.path: str(number // 2) for number, each in enumerate(images)}
    train, val = split_by_hash(images, 0.5, None, _Opener(digests))
    assert len(train) + len(val) == 40
    assert not {digests[each.path] for each in train} & {digests[each.path] for each in val}


def test_neither_side_is_empty():
    for names in ("ab", "abc", "xyz", "1234"):
        for fraction in (0.001, 0.999):
            train, val = split_by_hash(_raw(names), fraction, None, _Opener())
            assert train and val and len(train) + len(val) == len(names)


def test_a_limit_opens_no_more_than_it_takes():
    images, opener = _raw(str(number) for number in range(2000)), _Opener()
    train, val = split_by_hash(images, 0.2, 8, opener)
    assert (len(train), len(val)) == (8, 8)
    assert len(opener.opened) <= 120
    everything = split_by_hash(images, 0.2, None, _Opener())
    assert set(map(id, train)) <= set(map(id, everything[0]))
    assert set(map(id, val)) <= set(map(id, everything[1]))


def test_first_is_by_hash_and_keeps_the_order():
    images = _raw(f"{number:03d}" for number in range(100))
    kept = take_first(images, 10)
    names = [int(each.path[5:-4]) for each in kept]
    assert names == sorted(names)
    assert max(names) > 50  # not the first in the alphabet
    assert take_first(images[::-1], 10)[::-1] == kept
    assert set(map(id, kept)) <= set(map(id, take_first(images, 20)))
    assert take_first(images, 100) == take_first(images, None) == images


def test_first_does_not_depend_on_where_the_data_lies():
    here, there = (
        [RawImage(f"{root}/train/{number}.jpg", (), PIXELS_XYXY, "x") for number in range(50)]
        for root in ("/a", "/b/c")
    )
    assert [each.path[-12:] for each in take_first(here, 7)] == [
        each.path[-12:] for each in take_first(there, 7)
    ]


@pytest.mark.parametrize(
    ("path", "scene"),
    [
        ("a/cluster000_fire2_mp4-28_jpg.rf.0a1b.jpg", "cluster000_fire2_mp4"),
        ("a/cluster000_fire2_mp4-28_jpg.jpg", "cluster000_fire2_mp4"),
        ("a/cluster003_img_66--2-_jpg.jpg", "cluster003_img"),
        ("a/scene1_10260070011_png.jpg", "scene1"),
        ("a/cam3_2024-05-01_000123.jpg", "cam3_2024-05-01"),
        ("a/cam3_2024-05-01.jpg", "cam3_2024-05-01"),
        ("a/cam3_20240501_123005.jpg", "cam3_20240501"),
        ("a/cam3_2024-05-01_12-30-05.jpg", "cam3_2024-05-01"),
        ("a/cam3_frame0012.png", "cam3"),
        ("a/kerb cam (2).jpg", "kerb cam"),
        ("a/bridge.jpg", "bridge"),
        ("a/bridge-7.JPEG", "bridge"),
        ("roads/000123.jpg", "roads"),
        ("roads/train/images/000123.jpg", "roads"),
        ("roads/frame_12.jpg", "roads/frame"),
        ("roads/frame12.jpg", "roads/frame"),
        ("roads/IMG_7.jpg", "roads/IMG"),
        ("roads/0003_000123.jpg", "roads/0003"),
        ("/7.jpg", ""),
        ("7.jpg", ""),
        ("roads/_.jpg", "roads"),
    ],
)
def test_scenes_by_the_files_name(path, scene):
    assert scene_of(path) == scene


def test_whole_scenes_fall_on_one_side_without_opening_any():
    names = [f"cam{camera}_{frame}" for camera in range(30) for frame in range(10)]
    opener = _Opener()
    train, val = split_by_hash(_raw(names), 0.2, None, opener, "scene")
    scenes = [{scene_of(each.path) for each in side} for side in (train, val)]
    assert not scenes[0] & scenes[1] and len(scenes[0] | scenes[1]) == 30
    assert len(train) + len(val) == 300 and 1 <= len(scenes[1]) <= 15
    assert opener.opened == []
    fewer = split_by_hash(_raw(names[100:]), 0.2, None, opener, "scene")
    assert {each.path for each in fewer[1]} == {
        each.path for each in val if each.path in {r.path for r in _raw(names[100:])}
    }


def test_two_scenes_are_divided_and_one_is_not():
    images = _raw(["cam1_1", "cam1_2", "cam2_1"])
    for fraction in (0.01, 0.99):
        train, val = split_by_hash(images, fraction, None, _Opener(), "scene")
        assert sorted((len(train), len(val))) == [1, 2]
    with pytest.raises(InputError, match=r"all 2 images are of one scene \('cam1'\).*--val.*split by file"):
        split_by_hash(images[:2], 0.2, None, _Opener(), "scene")


def test_a_limit_by_scene():
    names = [f"cam{camera}_{frame}" for camera in range(30) for frame in range(10)]
    train, val = split_by_hash(_raw(names), 0.3, 8, _Opener(), "scene")
    assert (len(train), len(val)) == (8, 8)
    assert not {scene_of(each.path) for each in train} & {scene_of(each.path) for each in val}
