"""Policies: found by name, described in JSON, and made of transforms that exist."""

import inspect
import json

import pytest

from augment import POLICIES, get_policy
from augment.geometric import GEOMETRIC
from augment.photometric import PHOTOMETRIC


@pytest.mark.parametrize("policy", POLICIES.values(), ids=list(POLICIES))
def test_every_step_names_a_transform_and_all_its_values(policy):
    for step in policy.steps:
        function = (GEOMETRIC | PHOTOMETRIC)[step.transform]
        values = [
            name
            for name in inspect.signature(function).parameters
            if name not in ("canvas", "images", "seed")
        ]
        assert list(step.ranges) == values
        assert 0 < step.probability <= 1
        assert all(low <= high for low, high in step.ranges.values())
    assert json.loads(json.dumps(policy.describe())) == policy.describe()
    assert [entry["transform"] for entry in policy.describe()][1:] == [
        step.transform for step in policy.steps
    ]


def test_surveillance_stays_upright():
    rotations = [step for policy in POLICIES.values() for step in policy.steps if step.transform == "rotate"]
    assert rotations and all(max(map(abs, step.ranges["degrees"])) <= 10 for step in rotations)


def test_the_fit_is_chosen_by_name_and_unknown_names_are_refused():
    assert get_policy("none", fit="stretch").describe()[0]["transform"] == "stretch"
    with pytest.raises(ValueError, match="did you mean 'standard'.*light, none, standard"):
        get_policy("standrad")
    with pytest.raises(ValueError, match="unknown fit 'leterbox': did you mean 'letterbox'"):
        get_policy("none", fit="leterbox")
