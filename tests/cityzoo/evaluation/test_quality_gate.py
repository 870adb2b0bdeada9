"""Wishes of a city's CI: read, met, missed, mistyped."""

import logging

import pytest

from cityzoo.errors import InputError
from cityzoo.evaluation.quality_gate import QualityGate, failed_gates, parse_requirement

REPORT = {
    "AP50": 0.6,
    "AP_large": None,
    "task": "vehicle_detect",
    "per_class": {"van/suv": {"AP50": 0.25, "AP": None}},
    "intervals": {"AP50": [0.5, 0.7]},
}


@pytest.mark.parametrize(
    ("text", "met"),
    [
        ("AP50>=0.6", True),
        ("AP50>0.6", False),
        ("AP50 <= .6", True),
        ("AP50<0.6", False),
        ("per_class/van~1suv/AP50>=0.2", True),
        ("intervals/AP50/0>=0.55", False),
        ("AP_large>=0", False),  # nothing to measure is no success
        ("per_class/van~1suv/AP>=0", False),
    ],
)
def test_each_way_of_comparing(text, met, caplog):
    """At the bound, above, below, deeper in the report; what was found is said."""
    caplog.set_level(logging.INFO)
    wish = parse_requirement(text)
    assert failed_gates(REPORT, [wish]) == ([] if met else [wish])
    assert ("NOT MET" in caplog.text) is not met


def test_all_that_is_missed_comes_back():
    """In the order given."""
    wishes = [QualityGate("AP50", ">=", 0.9), QualityGate("AP50", ">=", 0.1), QualityGate("AP50", "<", 0.1)]
    assert failed_gates(REPORT, wishes) == [wishes[0], wishes[2]]


@pytest.mark.parametrize("text", ["AP50", "AP50=0.6", "AP50>=", ">=0.6", "AP50>=good", "", "AP50>=0.1>=0.2"])
def test_what_is_no_requirement_is_refused(text):
    """With an example of one."""
    with pytest.raises(InputError, match="METRIC>=NUMBER"):
        parse_requirement(text)


@pytest.mark.parametrize("place", ["AP5", "task", "per_class", "per_class/car/AP50", "intervals/AP50"])
def test_a_figure_that_is_not_there_is_refused(place):
    """A mistyped gate must not pass: names that would do are listed, the nearest first."""
    with pytest.raises(InputError, match="per_class/van~1suv/AP50"):
        failed_gates(REPORT, [QualityGate(place, "<=", 1.0)])
