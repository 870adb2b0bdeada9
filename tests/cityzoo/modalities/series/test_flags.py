"""Flags of tasks on series: what is understood, what is refused."""

import pytest

from cityzoo.commands.train_flags import parse_training
from cityzoo.errors import InputError
from cityzoo.modalities.series.flags import parse_shares


@pytest.mark.parametrize("text", ["0.7,0.1,0.2", "0.7/0.1/0.2", "0.7, 0.1 0.2"])
def test_a_split_is_three_shares(text):
    assert parse_shares(text) == (0.7, 0.1, 0.2)


@pytest.mark.parametrize("text", ["0.8,0.2", "0.7,0.1,0.3", "0.8,0,0.2", "most,some,rest", ""])
def test_what_is_no_split_is_refused(text):
    """One line with an example."""
    with pytest.raises(InputError, match=f"'{text}' .*train, val and test .* 0.7,0.1,0.2$"):
        parse_shares(text)


def test_tasks_have_defaults_of_their_own():
    """Two flags given, the others the task's; those of images are no flags here."""
    spec = parse_training(["--task", "air_quality", "--history", "48", "--split", "0.6,0.2,0.2"]).spec
    assert (spec.run.backbone, spec.modality.history, spec.modality.horizon) == ("stid", 48, 24)
    assert spec.modality.split == (0.6, 0.2, 0.2)
    assert spec.output["alarm"] == ("pm25 > 75 within 6h with at most 0.5 false alarms a week if possible",)
