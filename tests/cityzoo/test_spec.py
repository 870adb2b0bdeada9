"""What the words of the command line become, and that spec.json brings everything back."""

import json
from dataclasses import fields

import pytest

from cityzoo.cli import flag_fields
from cityzoo.cli.values import (
    parse_auto_count,
    parse_count,
    parse_mapping,
    parse_names,
    parse_phases,
    parse_rate,
    parse_seed,
    parse_size,
)
from cityzoo.errors import InputError
from cityzoo.spec import Phase, TrainSpec
from cityzoo.spec_file import read_spec


@pytest.mark.parametrize(
    ("parse", "text", "value"),
    [
        (parse_size, "320", (320, 320)),
        (parse_size, "256X320", (256, 320)),
        (parse_size, "auto", "auto"),
        (parse_names, "car, bus ,tr uck", ("car", "bus", "tr uck")),
        (parse_mapping, "van = car, person=ignore", {"van": "car", "person": "ignore"}),
        (parse_count, "7", 7),
        (parse_auto_count, "7", 7),
        (parse_auto_count, "auto", "auto"),
        (parse_rate, "1e-3", 0.001),
        (parse_rate, "1", 1.0),
        (parse_seed, "0", 0),
        (parse_phases, "backbone:20, C3:10", (("backbone", 20), ("C3", 10))),
    ],
)
def test_words_become_values(parse, text, value):
    """Capitals and blanks do no harm."""
    assert parse(text) == value


@pytest.mark.parametrize(
    ("parse", "texts"),
    [
        (parse_size, ["", "0", "x", "320x", "12x13x14", "-32", "32.5", "big", "0x32"]),
        (parse_names, ["", "car,", "car,,bus", "car,car"]),
        (parse_mapping, ["", "van", "van=", "=car", "van=car=bus", "van=car,"]),
        (parse_count, ["", "0", "-1", "1.5", "many", "auto", "³"]),
        (parse_auto_count, ["", "0", "automatic"]),
        (parse_rate, ["", "0", "-0.1", "1.01", "nan", "inf", "fast"]),
        (parse_seed, ["", "-1", "1.5", "x"]),
        (
            parse_phases,
            ["", "backbone", "backbone:", ":3", "backbone:0", "backbone:-1", "backbone:x", "C3:1,"],
        ),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_cannot_be_understood_is_said_in_one_line(parse, texts):
    """The line repeats what was given and says what would do."""
    for text in texts:
        with pytest.raises(InputError) as caught:
            parse(text)
        assert "\n" not in str(caught.value)
        assert text in str(caught.value)
        assert "give" in str(caught.value)


def test_a_seed_too_large_for_the_machines_numbers_is_refused():
    """TensorFlow folds seeds as int32."""
    assert parse_seed(str(2**31 - 1)) == 2**31 - 1
    with pytest.raises(InputError, match="2147483648"):
        parse_seed(str(2**31))


FULL = TrainSpec(
    backbone="mobilenet_025",
    data="a b/ü",
    classes=("car", "bus"),
    class_map={"van": "car", "person": "ignore"},
    epochs=3,
    phases=(Phase("backbone", 2, 0.002), Phase("C3", 1, 0.0002)),
    image_size=(64, 96),
    limit=5,
)


def test_everything_comes_back_from_the_file(tmp_path):
    """Tuples as tuples, phases as phases, names with umlauts."""
    FULL.write(tmp_path / "spec.json")
    again = read_spec(tmp_path / "spec.json")
    for item in fields(TrainSpec):
        assert getattr(again, item.name) == getattr(FULL, item.name), item.name
    assert all(isinstance(phase, Phase) for phase in again.phases)


def test_phases_as_asked_for_come_back_too(tmp_path):
    """Before a run resolves them they are pairs."""
    TrainSpec(phases=(("backbone", 2), ("C3", 1))).write(tmp_path / "spec.json")
    assert read_spec(tmp_path / "spec.json").phases == (("backbone", 2), ("C3", 1))


def test_missing_fields_get_todays_defaults(tmp_path):
    """A spec.json of an earlier version, which lacked some flags."""
    (tmp_path / "spec.json").write_text(json.dumps({"backbone": "vgg19"}))
    assert read_spec(tmp_path / "spec.json") == TrainSpec(backbone="vgg19")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "is no run folder"),
        ("{", "is damaged"),
        ("[1]", "list"),
        ('{"colour": 1}', "colour, which this version"),
        ('{"phases": [{"freeze": "C3"}]}', "phases"),
    ],
)
def test_what_is_no_spec_is_refused(tmp_path, text, words):
    """Not there, half written, something else, or of a newer version."""
    if text is not None:
        (tmp_path / "spec.json").write_text(text)
    with pytest.raises(InputError, match=words) as caught:
        read_spec(tmp_path / "spec.json")
    assert "\n" not in str(caught.value)


def test_every_field_has_a_flag_with_help():
    """What cannot be said on the command line is no part of a spec."""
    own = {item.name for item in fields(TrainSpec)} - {"options"}  # which holds the flags of the task
    assert {item.name for item in flag_fields(TrainSpec)} == own
    for item in flag_fields(TrainSpec):
        assert item.metadata["help"] and callable(item.metadata["parse"]), item.name
