"""The flags of forecasting tasks: what is understood, what is refused."""

import pytest

from cityzoo.commands.train_flags import parse_training
from cityzoo.errors import InputError
from cityzoo.outputs.quantile_forecast import parse_rules, parse_shares


@pytest.mark.parametrize("text", ["0.7,0.1,0.2", "0.7/0.1/0.2", "0.7, 0.1 0.2"])
def test_a_split_is_three_shares(text):
    assert parse_shares(text) == (0.7, 0.1, 0.2)


@pytest.mark.parametrize("text", ["0.8,0.2", "0.7,0.1,0.3", "0.8,0,0.2", "most,some,rest", ""])
def test_what_is_no_split_is_refused(text):
    """One line with an example."""
    with pytest.raises(InputError, match="is no split in time: give train, val and test .* 0.7,0.1,0.2$"):
        parse_shares(text)


def test_rules_stand_between_semicolons():
    """Each is checked when it is read."""
    rules = ("speed < 30 within 30min with 0.6 probability", "speed < 10 within 1h with 0.5 probability")
    assert parse_rules(";".join(rules) + " ;") == rules
    assert parse_rules("") == ()
    with pytest.raises(InputError):
        parse_rules("speed is low")


def test_tasks_have_defaults_of_their_own():
    """Two flags given, the others the task's; those of images are no flags here."""
    spec = parse_training(["--task", "air_quality", "--history", "48", "--split", "0.6,0.2,0.2"]).spec
    assert (spec.backbone, spec.options["history"], spec.options["horizon"]) == ("stid", 48, 24)
    assert spec.options["split"] == (0.6, 0.2, 0.2)
    assert spec.options["alarm"] == ("pm25 > 75 within 6h with 0.5 probability",)
