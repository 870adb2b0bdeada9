"""Ranges of a search: declared next to the flags, read from --search, refused in one line."""

import pytest

from cityzoo import tasks
from cityzoo.cli.search_range import Options, Range, around, linear_range, log_range, parse_search
from cityzoo.errors import InputError

FIELDS = {item.name: item for items in tasks.find("vehicle_classify").flags.values() for item in items}


def test_a_relative_range_follows_the_default():
    """A tenth to ten times: .002 gives .0002 to .02; the default always lies within."""
    assert around(10).resolve(0.002) == Range(0.0002, 0.02, is_log=True)
    assert log_range(1e-4, 0.3).resolve(0.5).high == 0.5
    assert linear_range(0.1, 0.2).resolve(0.0) == Range(0.0, 0.2)
    assert not log_range(1e-4, 0.3).resolve(0.0).is_log  # factors of 0 lead nowhere


def test_ranges_and_lists_are_read_as_the_flags_read_them():
    """Numbers of the field's type; by factors from a ratio of 20 on, or where the field says so."""
    name, found = parse_search("learning-rate=1e-5..1e-2", FIELDS)
    assert name == "learning_rate" and found == Range(1e-5, 1e-2, is_log=True, needs_gradients=True)
    assert parse_search("epochs=5..40", FIELDS)[1] == Range(5, 40, is_whole=True)
    assert parse_search("learning_rate=0.001..0.002", FIELDS)[1].is_log
    assert parse_search("freeze=backbone,none", FIELDS)[1] == Options(("backbone", "none"))
    assert parse_search("image_size=160,192x224", FIELDS)[1] == Options(((160, 160), (192, 224)))
    assert parse_search("find_lr=on,off", FIELDS)[1] == Options((True, False))
    assert parse_search("phases=backbone:3;backbone:5,none:2", FIELDS)[1].values[1] == (
        ("backbone", 5),
        ("none", 2),
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("learning_rate=1e-2..1e-5", "inverted"),
        ("learning_rate=1e-2..1e-2", "inverted"),
        ("learning_rat=1e-5..1e-2", "'learning_rate'"),
        ("learning_rate=1e-5..5", "out of bounds"),
        ("learning_rate", "NAME=LOW..HIGH"),
        ("freeze=C2..C4", "no numbers"),
        ("head=linear,lineer", "'linear'"),
        ("find_lr=maybe", "on"),
    ],
)
def test_what_cannot_be_searched_is_one_line(text, said):
    """Inverted, unknown, out of bounds, of another type."""
    with pytest.raises(InputError) as error:
        parse_search(text, FIELDS)
    assert said in str(error.value) and "\n" not in str(error.value)
