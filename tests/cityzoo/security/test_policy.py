"""Rules of use: what they refuse, where they are found, and files that cannot be read."""

from datetime import date
from pathlib import Path

import pytest

from cityzoo.errors import InputError
from cityzoo.security.policy import Policy, find_policy, read_policy

WHOLE = """
purpose: count vehicles
tasks: [vehicle_detect]
classes: [car, bus]
places: ["bridge-*"]
forbidden_uses: [watch, fines]
valid_until: 2027-12-31
review_below: 0.8
"""
LAST = date(2027, 12, 31)


@pytest.fixture
def policy(tmp_path):
    """The policy above, read."""
    (tmp_path / "policy.yaml").write_text(WHOLE)
    return read_policy(tmp_path / "policy.yaml")


def test_what_is_allowed_passes(policy):
    """On the last day, and for a camera that the pattern fits."""
    policy.check("serve", "vehicle_detect", ["car"], LAST)
    policy.check_place("bridge-2")
    assert policy.review_below == 0.8 and policy.purpose == "count vehicles"
    Policy(Path("policy.yaml")).check("watch", "any", ["thing"], LAST)
    Policy(Path("policy.yaml")).check_place(None)


@pytest.mark.parametrize(
    ("use", "task", "classes", "day", "message"),
    [
        ("serve", "vehicle_detect", ["car"], date(2028, 1, 1), "until 2027-12-31"),
        ("watch", "vehicle_detect", ["car"], LAST, r"forbids this use \(watch\)"),
        ("serve", "vehicle_count", ["car"], LAST, "task 'vehicle_count', only vehicle_detect"),
        ("serve", "vehicle_detect", ["car", "person"], LAST, "class 'person', only car, bus"),
    ],
)
def test_what_is_forbidden_is_refused(policy, use, task, classes, day, message):
    """One line with the file and the rule."""
    with pytest.raises(InputError, match=message) as raised:
        policy.check(use, task, classes, day)
    assert "policy.yaml" in str(raised.value) and "\n" not in str(raised.value)


@pytest.mark.parametrize(("place", "message"), [("school", "camera 'school'"), (None, "unknown camera")])
def test_other_cameras_are_refused(policy, place, message):
    """An unknown one too."""
    with pytest.raises(InputError, match=message):
        policy.check_place(place)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("classes: car", "give a list"),
        ("valid_until: soon", "give a day"),
        ("valid_until: 2027-12-31 10:00:00", "give a day"),
        ("review_below: 80", "a score from 0 to 1"),
        ("labels: [car]", "'labels'"),
        ("- car", "no list of rules"),
        ("a: [", "cannot be read"),
    ],
)
def test_files_that_cannot_be_used(tmp_path, text, message):
    """A rule that is misspelled must not pass as none."""
    (tmp_path / "policy.yaml").write_text(text)
    with pytest.raises(InputError, match=message) as raised:
        find_policy(tmp_path)
    assert "\n" not in str(raised.value)


def test_the_nearest_policy_counts(tmp_path):
    """That of the folder; else one of the two above it."""
    deep = tmp_path / "a" / "b" / "c"
    deep.mkdir(parents=True)
    assert find_policy(deep) is None
    (tmp_path / "policy.yaml").write_text("purpose: too far away")
    assert find_policy(deep) is None
    (tmp_path / "a" / "policy.yaml").write_text("purpose: all models")
    (tmp_path / "a" / "b" / "policy.yaml").write_text("purpose: this model")
    assert find_policy(deep).purpose == "this model"
    assert find_policy(deep / "model.onnx").purpose == "this model"
