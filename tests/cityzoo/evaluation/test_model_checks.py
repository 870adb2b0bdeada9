"""Baselines and corruptions of any modality, by one that is made of numbers."""

from dataclasses import dataclass, replace
from types import SimpleNamespace

import numpy as np
import pytest

from cityzoo.evaluation.baselines import MODEL, compare_baselines
from cityzoo.evaluation.robustness.changed_examples import measure_changed
from cityzoo.modalities.model_checks import Corruption, ModelChecks


@dataclass(frozen=True)
class Numbers:
    """A set of examples: numbers whose sign is the label."""

    examples: tuple

    def __len__(self):
        return len(self.examples)


class Signs:
    """Results are guessed signs; the metric is the share of right ones."""

    primary_metrics, lower_is_better, bootstrap_samples = ("accuracy",), (), 200

    def metrics(self, truth, results):
        return {"accuracy": float(np.mean(np.sign(truth.examples) == results))}

    def weighted_metrics(self, truth, results):
        right = (np.sign(truth.examples) == results).astype(float)
        return lambda weights: {"accuracy": weights @ right / weights.sum(axis=1)}


class NumberModality(ModelChecks):
    """Guesses signs; some numbers can be made larger, which moves small negative ones above 0."""

    def baselines(self, run, examples, output):
        return {"always up": [1.0] * len(examples), "never wrong": list(np.sign(examples.examples))}

    def corruptions(self, examples, seed):
        rows = [row for row, each in enumerate(examples.examples) if each < 0]
        for shift in (1, 3):
            moved = tuple(examples.examples[row] for row in rows)
            yield Corruption("shift", f"by {shift}", replace(examples, examples=moved), rows)

    def predict(self, model, examples, output):
        return [float(np.sign(each + model)) for each in examples.examples]

    def select(self, examples, rows):
        return Numbers(tuple(examples.examples[row] for row in rows))

    def groups(self, examples):
        return [""] * len(examples)


TRUTH = Numbers(tuple(float(each) for each in [*range(-20, 0), *range(1, 61)]))


def test_the_model_stands_last_with_what_it_leads_by(tmp_path):
    """Pairs are resampled: a baseline that never differs from the model has a lead of exactly 0."""
    results = list(np.sign(TRUTH.examples))
    rows = compare_baselines(tmp_path, NumberModality(), Signs(), TRUTH, results)["baselines"]
    assert list(rows) == ["always up", "never wrong", MODEL]
    assert rows["always up"]["accuracy"] == 0.75 and rows["always up"]["lead"] == 0.25
    low, high = rows["always up"]["lead_interval"]
    assert 0.1 < low < 0.25 < high < 0.4
    assert rows["never wrong"]["lead_interval"] == [0, 0] and "lead" not in rows[MODEL]
    assert compare_baselines(tmp_path, SimpleNamespace(baselines=lambda *_: {}), Signs(), TRUTH, []) == {}


def test_losses_are_relative_to_the_same_examples():
    """Positive numbers are not changed: they count neither before nor after."""
    found = measure_changed(NumberModality(), 5.5, Signs(), TRUTH, 0, 1000)
    row = found["conditions"]["shift, by 1"]
    assert found["n"] == 80 and row["n"] == 20
    assert found["clean"] == pytest.approx(75 / 80)
    assert row["clean"] == row["value"] == 0.75 and row["relative_loss"] == 0
    assert row["low"] < 0.75 < row["high"]


def test_a_modality_without_corruptions_is_measured_in_its_own_way():
    """Such as images, in batches of network inputs."""
    silent = NumberModality()
    silent.corruptions = lambda examples, seed: iter(())
    assert measure_changed(silent, 0.5, Signs(), TRUTH, 0, 10) is None


def test_defaults_offer_nothing():
    """No baselines, no corruptions, explained by images."""
    checks = ModelChecks()
    assert checks.baselines(None, None, None) == {} and list(checks.corruptions(None, 0)) == []
    assert checks.explain(None, None, None, [], 1, 0) is None
