"""Alarm rules as a flag of forecasting tasks, and the split in time."""

import pytest

from cityzoo.errors import InputError
from cityzoo.modalities.series.flags import parse_shares
from cityzoo.outputs.quantile_forecast import parse_rules


@pytest.mark.parametrize("text", ["0.7,0.1,0.2", "0.7/0.1/0.2", "0.7, 0.1 0.2"])
def test_a_split_is_three_shares(text):
    assert parse_shares(text) == (0.7, 0.1, 0.2)


@pytest.mark.parametrize("text", ["0.8,0.2", "0.7,0.1,0.3", "0.8,0,0.2", "most,some,rest", ""])
def test_other_splits_are_refused(text):
    """One line with an example."""
    with pytest.raises(InputError, match="is not a split in time: give shares .* 0.7,0.1,0.2$"):
        parse_shares(text)


def test_rules_are_separated_by_semicolons():
    """Each is checked when it is read."""
    rules = ("speed < 30 within 30min with 0.6 probability", "speed < 10 within 1h with 0.5 probability")
    assert parse_rules(";".join(rules) + " ;") == rules
    assert parse_rules("") == ()
    with pytest.raises(InputError):
        parse_rules("speed is low")
