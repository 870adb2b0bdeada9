"""Intents: what is outside trains nothing, is refused, and counts on its own."""

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from cityzoo.data.text.texts import TextExample, TextSet
from cityzoo.errors import InputError
from cityzoo.metrics.weighted import bootstrap_weights, intervals
from cityzoo.outputs import ClosedFormInput
from cityzoo.outputs.intent import Intent, IntentResult

NAMES = ("bin", "lamp", "noise")


def make_texts(count=300, outside=60, seed=0):
    """Texts with random labels, and logits that are high for the true class, low for what is outside."""
    rng = np.random.default_rng(seed)
    labels = np.r_[rng.integers(3, size=count), np.full(outside, -1)]
    targets = np.eye(4)[labels][:, :3].astype(np.float32)
    logits = rng.normal(size=(count + outside, 3)) + 4 * targets + np.where(labels < 0, -1, 0)[:, None]
    examples = tuple(TextExample(f"text {n}", f"a.csv:{n}", target) for n, target in enumerate(targets))
    return TextSet("val", NAMES, examples), logits


def test_decoding_keeps_the_logits():
    """Every score can be computed from a result."""
    logits = np.array([[3.0, -1, 0.5], [-8, -9, -9]])
    results = Intent(NAMES).decode(logits, None, [None, None])
    np.testing.assert_allclose([each.logits for each in results], logits, atol=1e-9)
    assert results[0].shares.sum() == pytest.approx(1)


def test_texts_outside_train_nothing(monkeypatch):
    """Neither do they count as a class, nor does the head in closed form change with them."""
    texts, logits = make_texts()
    output = Intent(NAMES).with_train_statistics(texts)
    inside = np.array([each.target.sum() > 0 for each in texts.examples])
    assert sum(output.counts) == inside.sum()

    used = []

    class Layer:
        def set_weights(self, weights):
            used.append(weights[0])

    def probe(self, given, targets):
        return SimpleNamespace(kernel=targets.T @ given.inputs, bias=0, facts={})

    monkeypatch.setattr(Intent, "_probe", probe)
    targets, rows = np.stack([each.target for each in texts.examples]), np.arange(len(inside))
    output.fit_closed_form(ClosedFormInput(Layer(), logits, targets, rows, 0))
    output.fit_closed_form(ClosedFormInput(Layer(), logits[inside], targets[inside], rows[inside], 0))
    np.testing.assert_array_equal(*used)


def test_the_score_is_chosen_by_what_is_outside():
    """Low logits of all classes mark it here, which probabilities do not show."""
    texts, logits = make_texts()
    output = Intent(NAMES)
    results = output.decode(logits, None, texts.examples)
    rule, found = output.choose_rule(texts, results), output.metrics(texts, results)
    scores = output.details(texts, results)["rejection"]["scores"]
    assert rule.score == max(scores, key=lambda name: scores[name]["outside_auroc"])
    assert found["outside_auroc"] == scores[rule.score]["outside_auroc"]
    assert found["kept"] >= 0.9 and found["kept"] < 0.91
    assert found["answered_accuracy"] > found["accuracy"]
    alone, _ = make_texts(outside=0)
    assert output.choose_rule(alone, results[:300]).score == "energy"
    assert Intent(NAMES, head="prototypes").choose_rule(alone, results[:300]).score == "max probability"


def test_the_rule_of_a_report_is_applied_to_other_texts():
    """Threshold, score and temperature are not chosen again, unless there is no report."""
    texts, logits = make_texts()
    output = Intent(NAMES, wrong_at_most=0.1)
    results = output.decode(logits, None, texts.examples)
    report = json.loads(json.dumps(output.details(texts, results)))
    assert output.metrics(texts, results)["wrong_answers"] <= 0.1
    others, other_logits = make_texts(seed=1)
    other_results = output.decode(other_logits - 1, None, others.examples)
    restored = output.restore(report)
    assert restored.choose_rule(others, other_results) == output.choose_rule(texts, results)
    other_share = replace(restored, wrong_at_most=0.3)  # as evaluate.py --wrong-at-most .3 does
    assert other_share.choose_rule(others, other_results).wrong_at_most == 0.3
    again = output.restore({}).choose_rule(others, other_results)
    assert again.threshold != restored.choose_rule(others, other_results).threshold


def test_metrics_and_intervals_agree():
    """Both come from one function of weights; slices of texts outside alone have no accuracy."""
    texts, logits = make_texts()
    output = Intent(NAMES)
    results = output.decode(logits, None, texts.examples)
    found, weighted = output.metrics(texts, results), output.weighted_metrics(texts, results)
    low, high = intervals(weighted, bootstrap_weights(360, 200), ["outside_auroc"])["outside_auroc"]
    assert low < found["outside_auroc"] < high
    outside = np.array([[each.target.sum() == 0 for each in texts.examples]], float)
    assert np.isnan(weighted(outside)["accuracy"][0])
    assert found["per_class"]["bin"]["n"] == sum(each.target[0] > 0 for each in texts.examples)


def test_predictions_name_what_is_not_answered(tmp_path):
    """In the JSON of --predict and in predictions.csv."""
    texts, logits = make_texts()
    output = Intent(NAMES)
    results = output.decode(logits, None, texts.examples)
    report = output.details(texts, results)
    seen = output.summarize_predictions(texts, results, report, None)
    refused = [each["answer"] == "outside" for each in seen.document.values()]
    rule = output.choose_rule(texts, results)
    assert refused == (rule.decide(logits).labels < 0).tolist()
    assert seen.line.startswith(f"{len(refused) - sum(refused)} answered, {sum(refused)} not")
    everything = output.summarize_predictions(texts, results, {}, None).document.values()
    assert not any(each["answer"] == "outside" for each in everything)
    output.write_results(texts, results, tmp_path)
    rows = (tmp_path / "predictions.csv").read_text().splitlines()
    assert sum(row.split(",")[2] == "outside" for row in rows) == sum(refused)


@pytest.mark.parametrize("wrong", [{"keep": 1.0}, {"wrong_at_most": 1.0}])
def test_impossible_shares_are_refused(wrong):
    """All or nothing is no rule."""
    with pytest.raises(InputError, match=next(iter(wrong)).replace("_", "-")):
        Intent(NAMES, **wrong).with_train_statistics(make_texts()[0])


def test_results_are_plain_tuples_for_the_cache():
    """`cityzoo.evaluation.predictions` packs and unpacks them."""
    from cityzoo.evaluation.predictions import packed, unpacked

    results = [IntentResult(np.array([0.25, 0.75]), 1.5)]
    (again,) = unpacked(packed(results), Intent(("a", "b")))
    assert again.energy == 1.5 and again.shares.tolist() == [0.25, 0.75]


def test_a_better_baseline_is_named_in_the_console_and_on_the_card():
    """Where the interval of the lead lies below 0; where it does not, nothing is claimed."""
    from cityzoo.report.pages.intent import model_card

    rows = {
        "TF-IDF": {"accuracy": 0.7, "lead": -0.2, "lead_interval": [-0.3, -0.1]},
        "means": {"accuracy": 0.5, "lead": 0.01, "lead_interval": [-0.1, 0.1]},
        "majority": {"accuracy": 0.1, "lead": 0.4, "lead_interval": [0.3, 0.5]},
    }
    report = {"kept": 0.9, "rejection": {"score": "energy", "threshold": 2.0}, "baselines": rows}
    assert "WORSE than TF-IDF, which" in Intent(NAMES).headline(report)
    limits = " ".join(model_card(report, "what")["Known limits"])
    assert "Worse than TF-IDF (" in limits and "better than means (" in limits and "majority" not in limits
    assert "WORSE" not in Intent(NAMES).headline({**report, "baselines": {"majority": rows["majority"]}})
