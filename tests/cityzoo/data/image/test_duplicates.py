import numpy as np
import pytest

from cityzoo.data.image.duplicates import FEWEST, MOST, SIMILAR_BITS, find_duplicates, find_similar
from cityzoo.data.image.findings import Findings
from cityzoo.data.image.image_info import ImageInfo
from cityzoo.data.image.raw import PIXELS_XYXY, RawImage


def _looks(count, seed=0):
    return np.random.default_rng(seed).integers(0, 2**64, count, np.uint64)


@pytest.mark.parametrize(("changed", "alike"), [(0, True), (SIMILAR_BITS, True), (SIMILAR_BITS + 1, False)])
def test_up_to_three_bits_are_alike(changed, alike):
    train = _looks(50)
    val = train[[17]]
    for bit in range(changed):
        val = val ^ np.uint64(1 << (7 * bit))
    assert find_similar(train, val).tolist() == ([17] if alike else [-1])


def test_it_agrees_with_counting_one_by_one():
    train, val = _looks(300) & np.uint64(0xFFFF), _looks(200, 1) & np.uint64(0xFFFF)

    def tells(look):
        return FEWEST <= int(look).bit_count() <= MOST

    expected = [
        any(tells(a) and tells(b) and (int(a) ^ int(b)).bit_count() <= SIMILAR_BITS for a in train)
        for b in val
    ]
    found = find_similar(train, val)
    assert (found >= 0).tolist() == expected
    assert 0 < sum(expected) < 200
    assert all(
        (int(train[a]) ^ int(b)).bit_count() <= SIMILAR_BITS
        for a, b in zip(found, val, strict=True)
        if a >= 0
    )


@pytest.mark.parametrize("look", [0, 2**64 - 1, 0b11111, 2**64 - 1 - 0b11111])
def test_images_without_content_are_not_compared(look):
    looks = np.array([look], np.uint64)
    assert find_similar(looks, looks).tolist() == [-1]


def test_nothing_on_a_side():
    none = np.zeros(0, np.uint64)
    assert find_similar(none, _looks(3)).tolist() == [-1, -1, -1]
    assert find_similar(_looks(3), none).tolist() == []


def test_pairs_are_named_and_copies_count_elsewhere():
    look = 0x00FF00FF00FF00FF
    facts = {
        "d/t.jpg": ImageInfo(digest="1", perceptual_hash=f"{look:016x}"),
        "d/near.jpg": ImageInfo(digest="2", perceptual_hash=f"{look ^ 1:016x}"),
        "d/copy.jpg": ImageInfo(digest="1", perceptual_hash=f"{look:016x}"),
        "d/gone.jpg": ImageInfo(defect="missing"),
    }
    train, *val = (RawImage(path, (), PIXELS_XYXY, "x") for path in facts)
    findings = Findings("d", "yolo")
    find_duplicates([train, val[2]], val, facts, findings)
    assert findings.first == {"near duplicate": ["near.jpg ~ t.jpg"], "duplicate": ["copy.jpg = t.jpg"]}


def test_many_looks_take_little_time_and_memory():
    train, val = _looks(60_000), _looks(500, 1)
    val[100] = train[-1] ^ np.uint64(4)
    assert np.flatnonzero(find_similar(train, val) >= 0).tolist() == [100]
