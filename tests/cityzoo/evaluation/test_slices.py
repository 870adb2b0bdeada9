"""Metrics of slices: a model that fails in the dark is found, chance is not."""

import json

import numpy as np
import pytest

from cityzoo.evaluation.slices import slice_metrics


def accuracy_of(right, name="accuracy"):
    def weighed(weights):
        with np.errstate(invalid="ignore"):
            return {name: weights @ np.asarray(right, np.float64) / weights.sum(axis=1)}

    return weighed


NUMBER = np.arange(100)
DARK = NUMBER < 20
LIGHT = {"brightness": {"night": DARK, "day": ~DARK}, "blur": {"blurry": NUMBER % 3 == 0}}


def test_a_model_that_is_wrong_in_the_dark_is_found_out():
    """4 of 20 right at night, 76 of 80 by day, .8 in all."""
    right = np.where(DARK, NUMBER % 5 == 0, NUMBER % 20 > 0)
    slices, worst = slice_metrics(accuracy_of(right), LIGHT, "accuracy", seed=0)
    night = slices["brightness"]["night"]
    assert {key: night[key] for key in ("n", "accuracy")} == {"n": 20, "accuracy": 0.2}
    assert (
        0.05 <= night["low"] <= 0.1 and 0.35 <= night["high"] <= 0.4
    )  # .2 ± 1.96 (.2 * .8 / 20)^.5 is .02 to .38
    assert worst == {
        "by": "brightness",
        "name": "night",
        "figure": "accuracy",
        "value": 0.2,
        "overall": 0.8,
    } | {key: night[key] for key in ("n", "low", "high")}
    assert list(slices) == ["brightness", "blur"] and slices["brightness"]["day"]["accuracy"] == 0.95
    json.dumps(slices, allow_nan=False), json.dumps(worst, allow_nan=False)


def test_an_error_is_worst_where_it_is_largest():
    error = np.where(DARK, 3.0, 1.0) + NUMBER % 2 * 0.1
    _, worst = slice_metrics(accuracy_of(error, "mae"), LIGHT, "mae", seed=0, lower=True)
    assert (worst["name"], worst["value"]) == ("night", pytest.approx(3.05))
    _, best = slice_metrics(accuracy_of(error, "mae"), LIGHT, "mae", seed=0)
    assert best["name"] == "day"


def test_chance_and_few_images_make_no_worst_slice():
    right = NUMBER % 5 > 0
    assert slice_metrics(accuracy_of(right), LIGHT, "accuracy", seed=0)[1] is None
    wrong = NUMBER >= 8
    for count, expected in ((100, None), (40, "few")):
        masks = {"scene": {"few": NUMBER[:count] < 8, "four": NUMBER[:count] < 4, "none": NUMBER[:count] < 0}}
        slices, worst = slice_metrics(accuracy_of(wrong[:count]), masks, "accuracy", seed=0)
        assert (worst and worst["name"]) == expected
    assert slices["scene"]["four"] == {"n": 4, "accuracy": 0.0, "low": None, "high": None}
    assert slices["scene"]["none"] == {"n": 0, "accuracy": None, "low": None, "high": None}
    assert slice_metrics(accuracy_of(wrong), {}, "accuracy", seed=0) == ({}, None)
