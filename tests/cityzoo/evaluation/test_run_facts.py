"""How a run was made: kept from its report, or an error that tells what to remove."""

import pytest

from cityzoo.errors import InputError
from cityzoo.evaluation.run_facts import PROVENANCE, earlier_facts, environment, training_provenance


def test_a_run_without_a_report_has_no_facts(tmp_path):
    assert earlier_facts(tmp_path) == {}


@pytest.mark.parametrize(("text", "words"), [("{", "is damaged"), ("[1]", "is damaged .not a report")])
def test_a_damaged_report_is_one_line(tmp_path, text, words):
    (tmp_path / "report.json").write_text(text)
    with pytest.raises(InputError, match=f"report.json' {words}.*: remove it") as caught:
        earlier_facts(tmp_path)
    assert "\n" not in str(caught.value)


def test_metrics_of_other_examples_are_not_kept():
    """What holds for any examples is: how the model was made and what it remembers."""
    report = {"AP": 0.5, "split": "val", "n_images": 3, **dict.fromkeys(PROVENANCE, 1)}
    assert training_provenance(report) == dict.fromkeys(PROVENANCE, 1)
    assert {"spec", "weights", "usual_count", "unlabelled"} <= set(PROVENANCE)


def test_the_environment_has_device_versions_and_seed():
    found = environment(3)
    assert found["seed"] == 3 and found["device"]
    assert {"python", "tensorflow", "keras", "numpy", "cityzoo"} <= found["versions"].keys()
