"""Plans that cannot be followed are refused in one line, before a cycle begins."""

import pytest

from cityzoo.errors import InputError
from cityzoo.update.plan import read_plan

PROMOTE = {"models": "models", "name": "cars"}
WRONG = {
    "name": ({"dta": "x"}, "'data'"),
    "key": ({"select": {"mst": 4}}, "'most'"),
    "section": ({"drift": [1]}, "drift"),
    "no run": ({"run": None}, "run"),
    "run": ({"run": "runs/raod"}, "runs/raod"),
    "data": ({"data": "nowhere"}, "nowhere"),
    "own folder": ({"select": {"to": "incoming/to_label"}}, "incoming/to_label"),
    "count": ({"min_examples": 0}, "min_examples"),
    "when": ({"drift": {"when": "someday"}}, "someday"),
    "train": ({"train": {"epoch": 2}}, "'epochs'"),
    "fixed": ({"train": {"out": "x"}}, "'out'"),
    "value": ({"train": {"retain": "replay:2"}}, "replay"),
    "key file": ({"sign": {"private_key": "none.pem"}}, "none.pem"),
    "models": ({"promote": {**PROMOTE, "models": "export"}}, "export"),
    "no models": ({"promote": {**PROMOTE, "models": "runs/road/spec.json"}}, "spec.json"),
    "model": ({"promote": {**PROMOTE, "name": "bikes"}}, "bikes"),
    "share": ({"promote": {**PROMOTE, "canary": 0}}, "canary"),
    "sign alone": ({"promote": None, "sign": {"private_key": "plan.yaml"}}, "export"),
}


@pytest.mark.parametrize(("changes", "word"), WRONG.values(), ids=WRONG)
def test_a_wrong_plan_is_one_line(town, changes, word):
    """It names what is wrong."""
    town.write_plan(**changes)
    with pytest.raises(InputError) as error:
        read_plan(town.file)
    assert word in str(error.value) and "\n" not in str(error.value)


def test_a_plan_that_does_not_exist_or_is_no_yaml(town):
    """One line, too."""
    for text in (None, "run: [", "- a"):
        if text is None:
            town.file.unlink()
        else:
            town.file.write_text(text)
        with pytest.raises(InputError, match=r"plan\.yaml"):
            read_plan(town.file)


def test_flags_of_training_are_written_as_on_the_command_line(town):
    """Each value is checked by its own flag; export comes with promote."""
    town.write_plan(
        train={"phases": "backbone:2,C4:1", "find_lr": True, "flips": False, "may_lose": "accuracy:0.1"}
    )
    plan = read_plan(town.file)
    text = " ".join(plan.train)
    assert "--phases backbone:2,C4:1" in text and "--may-lose accuracy:0.1" in text
    assert {"--find-lr", "--no-flips"} <= set(plan.train) and len(plan.train) == 6
    assert plan.export.format == "onnx" and plan.root == town.root
