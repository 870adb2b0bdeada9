"""Policies: found by name, described in JSON, read back, and made of transforms that exist."""

import json

import pytest

from augment import POLICIES, Policy, Step, get_policy, policy_from_list, read_policy
from augment.policy_file import check

ROTATE = {"transform": "rotate", "degrees": [-10, 10], "probability": 0.5}


@pytest.mark.parametrize("policy", POLICIES.values(), ids=list(POLICIES))
def test_every_policy_can_be_drawn_and_comes_back_from_json(policy):
    check(policy)
    assert policy_from_list(json.loads(json.dumps(policy.describe()))) == policy
    steps = [entry["transform"] for entry in policy.describe()][1:]
    assert steps == [step.transform for step in policy.steps]


def test_surveillance_stays_upright():
    named = [POLICIES[name] for name in ("light", "standard", "strong", "night")]
    rotations = [step for policy in named for step in policy.steps if step.transform == "rotate"]
    assert len(rotations) == 3 and all(max(map(abs, step.ranges["degrees"])) <= 10 for step in rotations)


def test_the_fit_is_chosen_by_name_and_unknown_names_are_refused():
    assert get_policy("none", fit="stretch").describe()[0]["transform"] == "stretch"
    with pytest.raises(ValueError, match="did you mean 'standard'.*light, mosaic, night, none"):
        get_policy("standrad")
    with pytest.raises(ValueError, match="unknown fit 'leterbox': did you mean 'letterbox'"):
        get_policy("none", fit="leterbox")


def test_yaml_json_and_lists_say_the_same(tmp_path):
    entries = [{"transform": "stretch", "min_visible": 0.5, "pick": 1}, ROTATE, {"transform": "flip"}]
    (tmp_path / "mine.json").write_text(json.dumps(entries))
    (tmp_path / "mine.yaml").write_text(
        "- {transform: stretch, min_visible: 0.5, pick: 1}\n"
        "- transform: rotate\n  degrees: [-10, 10]\n  probability: 0.5\n- transform: flip\n"
    )
    expected = Policy(
        "mine",
        (Step("rotate", {"degrees": (-10.0, 10.0)}, 0.5), Step("flip", {})),
        "stretch",
        min_visible=0.5,
        pick=1,
    )
    read = [get_policy(str(tmp_path / name)) for name in ("mine.json", "mine.yaml")]
    assert read == [expected] * 2
    assert get_policy(entries).steps == expected.steps
    assert get_policy(expected) is expected
    assert get_policy([{"transform": "scale", "factor": 1.2}]).steps[0].ranges == {"factor": (1.2, 1.2)}


BAD = {
    "an unknown transform": ([{"transform": "rotat"}], "unknown transform 'rotat': did you mean 'rotate'?"),
    "a range upside down": (
        [{"transform": "rotate", "degrees": [10, -10]}],
        r"'rotate': degrees is \[10, -10\].*: write \[-10, 10\]",
    ),
    "out of bounds": (
        [{"transform": "rotate", "degrees": [-10, 500]}],
        "'rotate': degrees is 500.0, allowed is -180 to 180",
    ),
    "strength out of bounds": (
        [{"transform": "rotate", "strength": 2}],
        "strength is 2.0, allowed is 0 to 1",
    ),
    "a probability": ([ROTATE | {"probability": 50}], "'rotate': probability is 50, allowed is 0 to 1"),
    "an unknown value": (
        [{"transform": "rotate", "degree": 3}],
        "unknown value 'degree': did you mean 'degrees'",
    ),
    "a missing value": ([{"transform": "rotate"}], "'rotate': degrees is missing: give a range"),
    "words": ([{"transform": "rotate", "degrees": "ten"}], "degrees is 'ten', expected a range"),
    "not a number": ([{"transform": "rotate", "degrees": [0, float("nan")]}], "expected a range"),
    "no transform": ([{"degrees": [0, 1]}], "entry 1 .*transform"),
    "a mapping": ({"rotate": [0, 1]}, "got dict .* a policy is a list of entries"),
    "a list of names": (["rotate"], "a policy is a list of entries"),
    "a fit's key": ([{"transform": "stretch", "pik": 1}], "unknown key 'pik': did you mean 'pick'"),
    "a box rule": ([{"transform": "stretch", "box_rule": "round"}], "unknown box_rule 'round'"),
    "too many to pick": (
        [{"transform": "stretch", "pick": 3}, ROTATE],
        "pick is 3, allowed are 0 to 1 steps",
    ),
}


@pytest.mark.parametrize(("entries", "said"), BAD.values(), ids=list(BAD))
def test_a_bad_policy_is_refused_in_one_line(entries, said):
    with pytest.raises(ValueError, match=said) as caught:
        policy_from_list(entries)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("absent.yaml", None, "cannot be read .No such file"),
        ("broken.json", "{", "neither YAML nor JSON"),
        ("broken.yaml", "a: [", "neither YAML nor JSON"),
        ("prose.yaml", "rotate everything", "got str 'rotate everything': a policy is a list"),
        ("empty.yaml", "", "got NoneType"),
        ("bytes.json", b"\xff\xfe\x00", "it is not text"),
        ("bad.json", '[{"transform": "twirl"}]', "bad.json': unknown transform 'twirl'"),
    ],
)
def test_a_file_that_is_no_policy_is_refused_by_name(tmp_path, name, text, said):
    if text is not None:
        (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ValueError, match=said) as caught:
        read_policy(str(tmp_path / name))
    assert name in str(caught.value) and "\n" not in str(caught.value)
