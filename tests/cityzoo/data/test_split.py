from cityzoo.data.facts import PictureFacts
from cityzoo.data.raw import PIXELS_XYXY, RawPicture
from cityzoo.data.split import divide, first, fraction_of


def _raw(names):
    return [RawPicture(f"/any/{name}.jpg", (), PIXELS_XYXY, "x") for name in names]


class _Opener:
    """Facts whose digest is the file's name, and a note of what was opened."""

    def __init__(self, digests=None):
        self.opened, self.digests = [], digests or {}

    def __call__(self, pictures):
        self.opened += [each.path for each in pictures]
        return {each.path: PictureFacts(digest=self.digests.get(each.path, each.path)) for each in pictures}


def test_hash_fractions_are_evenly_spread():
    fractions = [fraction_of(str(number)) for number in range(2000)]
    assert all(0 <= each < 1 for each in fractions)
    assert abs(sum(each < 0.2 for each in fractions) / 2000 - 0.2) < 0.03


def test_sides_do_not_depend_on_the_other_pictures():
    names = [str(number) for number in range(200)]
    val = {each.path for each in divide(_raw(names), 0.2, None, _Opener())[1]}
    half = {each.path for each in divide(_raw(names[::-2]), 0.2, None, _Opener())[1]}
    assert half == {path for path in val if int(path[5:-4]) % 2 == 1}
    assert 20 <= len(val) <= 60


def test_copies_of_one_file_never_part():
    pictures = _raw(str(number) for number in range(40))
    digests = {each.path: str(number // 2) for number, each in enumerate(pictures)}
    train, val = divide(pictures, 0.5, None, _Opener(digests))
    assert len(train) + len(val) == 40
    assert not {digests[each.path] for each in train} & {digests[each.path] for each in val}


def test_neither_side_is_empty():
    for names in ("ab", "abc", "xyz", "1234"):
        for fraction in (0.001, 0.999):
            train, val = divide(_raw(names), fraction, None, _Opener())
            assert train and val and len(train) + len(val) == len(names)


def test_a_limit_opens_no_more_than_it_takes():
    pictures, opener = _raw(str(number) for number in range(2000)), _Opener()
    train, val = divide(pictures, 0.2, 8, opener)
    assert (len(train), len(val)) == (8, 8)
    assert len(opener.opened) <= 120
    everything = divide(pictures, 0.2, None, _Opener())
    assert set(map(id, train)) <= set(map(id, everything[0]))
    assert set(map(id, val)) <= set(map(id, everything[1]))


def test_first_is_by_hash_and_keeps_the_order():
    pictures = _raw(f"{number:03d}" for number in range(100))
    kept = first(pictures, 10)
    names = [int(each.path[5:-4]) for each in kept]
    assert names == sorted(names)
    assert max(names) > 50  # not the first in the alphabet
    assert first(pictures[::-1], 10)[::-1] == kept
    assert set(map(id, kept)) <= set(map(id, first(pictures, 20)))
    assert first(pictures, 100) == first(pictures, None) == pictures


def test_first_does_not_depend_on_where_the_data_lies():
    here, there = (
        [RawPicture(f"{root}/train/{number}.jpg", (), PIXELS_XYXY, "x") for number in range(50)]
        for root in ("/a", "/b/c")
    )
    assert [each.path[-12:] for each in first(here, 7)] == [each.path[-12:] for each in first(there, 7)]
