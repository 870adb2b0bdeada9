"""Comparisons of models whose answers are known image by image."""

import json

import numpy as np
import pytest

from cityzoo.errors import InputError
from cityzoo.evaluation.compare import class_table, compare, require_same_classes
from cityzoo.metrics.weighted import bootstrap_weights

N = 120
LABELS = np.arange(N) % 3  # car, van/suv, bus
PLACES = ("per_class/car/recall", "per_class/van~1suv/recall", "per_class/bus/recall")
WEIGHTS = bootstrap_weights(N, 600)


def model(right, error=None):
    """Figures of a model that is right (1) or wrong (0) on each image."""
    right = np.asarray(right, np.float64)
    error = 1 - right if error is None else error

    def weighed(weights):
        total = weights.sum(axis=1)
        with np.errstate(invalid="ignore"):
            figures = {"accuracy": weights @ right / total, "mae": weights @ error / total}
            figures["bias"] = -figures["mae"]
            for label, place in enumerate(PLACES):
                of_class = weights * (label == LABELS)
                figures[place] = of_class @ right / of_class.sum(axis=1)
        return figures

    return weighed


def plain(found):
    """Through JSON, where nothing that is not finite passes."""
    return json.loads(json.dumps(found, allow_nan=False))


def test_better_and_worse_by_the_figure_s_direction():
    good, bad = model(np.arange(N) % 10 > 0), model(np.arange(N) % 10 > 4)
    found = plain(compare(good, bad, WEIGHTS, ("accuracy", "mae", "bias", "unheard of"), ()))
    assert {key: row["verdict"] for key, row in found["figures"].items()} == {
        "accuracy": "better",
        "mae": "better",
        "bias": "different",
    }
    row = found["figures"]["accuracy"]
    assert [row["this"], row["other"], row["difference"]] == pytest.approx([0.9, 0.5, 0.4])
    error = 1.96 * np.sqrt(0.4 * 0.6 / N)  # the difference is 1 on 40 % of the images, 0 on the others
    assert [row["low"], row["high"]] == pytest.approx([0.4 - error, 0.4 + error], abs=0.02)
    assert found["worse"] == []
    turned = compare(bad, good, WEIGHTS, ("accuracy", "mae"), ("mae",))["figures"]
    assert {row["verdict"] for row in turned.values()} == {"worse"}
    assert turned["accuracy"]["high"] == pytest.approx(-row["low"])


def test_a_model_against_itself():
    same = model(np.arange(N) % 4 > 0)
    found = compare(same, same, WEIGHTS, ("accuracy",), (), ("recall",), {"a": {"b": np.arange(N) > 60}})
    row = found["figures"]["accuracy"]
    assert [row[name] for name in ("difference", "low", "high")] == [0, 0, 0]
    assert row["verdict"] == "no clear difference" and found["worse"] == []


def test_what_got_worse_is_listed_sure_losses_first():
    """Cars all lost but seven; one van lost, which may be chance; buses gained; at night all is lost but five."""
    before = np.where(LABELS == 2, 0, 1)
    after = np.ones(N)
    after[np.flatnonzero(LABELS == 0)[7:]] = 0
    after[1] = 0
    number = np.arange(N)
    masks = {
        "brightness": {"night": (LABELS == 0) & (number >= 9), "day": LABELS == 2},
        "blur": {"one": number < 4, "all gained": LABELS == 2},
    }
    found = plain(compare(model(after), model(before), WEIGHTS, ("accuracy",), (), ("recall",), masks))
    assert [(row["what"], row["sure"]) for row in found["worse"]] == [
        ("brightness: night: accuracy", True),
        ("class car: recall", True),
        ("class van/suv: recall", False),
    ]
    night, car, van = found["worse"]
    assert (car["this"], car["other"]) == (7 / 40, 1.0) and car["high"] < 0
    assert night["difference"] == pytest.approx(4 / 37 - 1)
    assert van["difference"] == pytest.approx(-1 / 40) and van["high"] == 0
    assert not compare(model(after), model(before), WEIGHTS, ("accuracy",), ())["worse"]


def test_slices_of_an_error_get_worse_upwards():
    masks = {"crowding": {"15+": np.arange(N) < 40, "0": np.arange(N) >= 40}}
    calm, wild = model(np.ones(N), np.full(N, 0.5)), model(np.ones(N), np.where(np.arange(N) < 40, 2.0, 0.1))
    found = compare(wild, calm, WEIGHTS, ("mae",), (), masks=masks)
    assert [row["what"] for row in found["worse"]] == ["crowding: 15+: mae"]
    assert found["worse"][0]["sure"] and found["worse"][0]["low"] == pytest.approx(1.5)


def test_losses_that_do_not_show_are_left_out():
    base = np.full(N, 0.5)
    here, there = model(base, base + 0.0004), model(base, base)
    assert not compare(here, there, WEIGHTS, ("mae",), (), masks={"a": {"b": LABELS >= 0}})["worse"]


def test_a_class_without_images_is_neither():
    def nothing(weights):
        unknown = np.full(len(weights), np.nan)
        return {"AP": unknown, "per_class/car/AP": unknown}

    found = plain(compare(nothing, nothing, WEIGHTS, ("AP",), (), ("AP",), {"a": {"b": LABELS >= 0}}))
    row = {"this": None, "other": None, "difference": None, "low": None, "high": None}
    assert found == {"figures": {"AP": {**row, "verdict": "no clear difference"}}, "worse": []}


def test_class_names_that_do_not_match():
    require_same_classes(("car", "bus"), ["bus", "car"], "runs/b")
    with pytest.raises(InputError) as raised:
        require_same_classes(("car", "lorry"), ("car", "truck", "van"), "runs/b")
    first, table = str(raised.value).split("\n", 1)
    assert "runs/b" in first and "--class-map truck=lorry" in first
    assert table == class_table(("car", "lorry"), ("car", "truck", "van"), "runs/b")
    assert table.splitlines() == [
        "this model  runs/b",
        "car         car",
        "lorry       -",
        "-           truck",
        "-           van",
    ]
    with pytest.raises(InputError, match="two classes of runs/b are.*'car'"):
        require_same_classes(("car", "bus"), ("car", "bus", "car"), "runs/b")
