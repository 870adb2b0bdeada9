"""What the words of the command line become, and what a spec is made of."""

import json
from dataclasses import fields

import pytest

from cityzoo import tasks
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
from cityzoo.spec import FORMAT_VERSION, FitFlags, RunFlags, TrainSpec


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
        (parse_phases, "solve,C3:10", (("closed_form", 1), ("C3", 10))),  # its name in format 1
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
def test_values_that_cannot_be_read_are_one_line(parse, texts):
    """The line repeats what was given and shows what is allowed."""
    for text in texts:
        with pytest.raises(InputError) as caught:
            parse(text)
        assert "\n" not in str(caught.value)
        assert text in str(caught.value)
        assert "give" in str(caught.value)


def test_seeds_are_int32():
    """TensorFlow folds seeds as int32."""
    assert parse_seed(str(2**31 - 1)) == 2**31 - 1
    with pytest.raises(InputError, match="2147483648"):
        parse_seed(str(2**31))


@pytest.mark.parametrize("name", tasks.names())
def test_every_field_is_a_flag_with_help(name):
    """A setting that the command line cannot change is no part of a spec."""
    task = tasks.find(name)
    spec = task.make_spec({})
    for section, items in task.flags.items():
        own = getattr(spec, section)
        assert {i.name for i in items} == set(own if isinstance(own, dict) else vars(own)), section
        for item in items:
            assert item.metadata["help"] and callable(item.metadata["parse"]), item.name


@pytest.mark.parametrize("name", tasks.names())
def test_task_defaults_are_in_the_spec_under_given_values(name):
    """In whatever section the flag is."""
    task = tasks.find(name)
    sections = [vars(s) if not isinstance(s, dict) else s for s in vars(task.make_spec({})).values()]
    flat = {key: value for section in sections for key, value in section.items()}
    assert {key: flat[key] for key in task.defaults} == dict(task.defaults)
    usual = {item.name: item.default for item in fields(RunFlags)} | {
        i.name: i.default for i in fields(FitFlags)
    }
    assert {key: flat[key] for key in usual} == {
        **usual,
        **{k: v for k, v in task.defaults.items() if k in usual},
    }
    assert task.make_spec({"seed": 5, "patience": 1}).fit.patience == 1


def test_replace_distributes_values_over_sections():
    spec = tasks.find("vehicle_detect").make_spec({})
    other = spec.replace(seed=3, batch_size=4, image_size=(64, 64), neck_width=8)
    assert (other.run.seed, other.fit.batch_size, other.modality.image_size) == (3, 4, (64, 64))
    assert other.output == {**spec.output, "neck_width": 8} and spec.output["neck_width"] == 64
    assert tasks.find("vehicle_classify").make_spec({}).replace(least_px=3).reader["least_px"] == 3
    with pytest.raises(KeyError, match="horizon"):
        spec.replace(horizon=3)


def test_a_spec_is_written_section_by_section(tmp_path):
    """Whole or not at all: no part file stays."""
    spec = tasks.find("traffic_flow").make_spec({"data": "a b/ü", "horizon": 6})
    spec.write(tmp_path / "spec.json")
    written = json.loads((tmp_path / "spec.json").read_text())
    assert list(written) == ["format_version", "run", "fit", "modality", "output", "reader"]
    assert written["format_version"] == FORMAT_VERSION == 2
    assert (written["run"]["data"], written["modality"]["horizon"]) == ("a b/ü", 6)
    assert [file.name for file in tmp_path.iterdir()] == ["spec.json"]
    assert isinstance(spec, TrainSpec)
