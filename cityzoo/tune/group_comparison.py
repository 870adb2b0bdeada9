"""A run with `--robust-groups`, `--independent-of` or `--adversarial` next to the same training without."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from cityzoo.cli import flag_name
from cityzoo.evaluation import adversarial
from cityzoo.evaluation.adversarial import WITHOUT as WITHOUT_ATTACKS
from cityzoo.evaluation.evaluate import BEFORE
from cityzoo.evaluation.evaluated_run import open_evaluated
from cityzoo.evaluation.predictions import cached_predictions
from cityzoo.fit.adversarial import attack_of
from cityzoo.fit.run_folder import RunFolder
from cityzoo.metrics.groups import WORST, find_right, weighted_group_accuracy
from cityzoo.metrics.weighted import bootstrap_weights, interval
from cityzoo.outputs.group_robust import measure_dependence
from cityzoo.tune import repeats

if TYPE_CHECKING:
    from cityzoo.fit.context import TrainState
    from cityzoo.outputs import Output
    from cityzoo.spec import TrainSpec
    from cityzoo.tasks import Task

LOG = logging.getLogger(__name__)
FOLDERS = {"robust_groups": "without_groups", "independent_of": "without_penalty"}  # in the run folder
THIS = "this model"
SHORT = ("before", "without", "this")
SAMPLES = 1000
MOST = 200  # images that are attacked
LEAST_CHANGE = 1e-9


def compare(
    asked: TrainSpec[Any],
    folder: RunFolder,
    task: Task,
    output: Output,
    data: Any,
    state: TrainState,
    metrics: dict[str, Any],
    train: repeats.Train,
) -> dict[str, Any]:
    """Train the same without unlabeled images, groups or attacks, where a run has them, and compare.

    Args:
        asked: spec of the run.
        folder: of the run.
        task: of the run.
        output: with the groups.
        data: of the run.
        state: of its training.
        metrics: of the run.
        train: (spec, run folder to resume) -> report.

    Returns:
        `unlabelled`, see `repeats.compare_with_labelled_only`; `adversarial`; `robust_groups`; `independent_of`.
    """
    found = repeats.compare_with_labelled_only(asked, folder.path, metrics, train)
    if asked.run.fold or not len(data.held_out):
        return found
    truth, modality = data.held_out, task.modality
    if attack_of(asked):
        _train_without("adversarial", WITHOUT_ATTACKS, asked, folder, train)
        subject = open_evaluated(str(folder.path))
        return found | adversarial.evaluate_section(subject, truth, {"adversarial": MOST}, folder.path)
    if getattr(output, "groups", None) is None:
        return found
    flag = "independent_of" if asked.output.get("independent_of") else "robust_groups"
    own = _train_without(flag, FOLDERS[flag], asked, folder, train)
    files = {
        BEFORE: (folder.before, folder),
        f"without {flag_name(flag)}": (own.model, own),
        THIS: (folder.model, folder),
    }
    results = {
        name: np.stack(cached_predictions(file, modality, output, truth, run.path))
        for name, (file, run) in files.items()
    }
    section = _compare_by_group(results, output, truth, modality.groups(truth), asked.run.seed)
    fitted = state.solved.get("group_weights", {})
    for name, row in section["groups"].items():
        row["weight"] = fitted.get(name, {}).get("weight")
    section["by"] = asked.output[flag]
    LOG.info("%s", describe(section))
    return {**found, flag: section}


def _compare_by_group(
    results: Mapping[str, np.ndarray], output: Any, truth: Any, scenes: Sequence[str], seed: int
) -> dict[str, Any]:
    targets, table = np.stack([each.target for each in truth.examples]), output.groups
    right = {name: find_right(targets, each, output.several) for name, each in results.items()}
    places = table.place(truth.examples, truth.class_names)
    section = compare_groups(right, places, table.names, bootstrap_weights(len(truth), SAMPLES, seed, scenes))
    for row, count in zip(section["groups"].values(), table.counts, strict=True):
        row["train"] = count
    if output.independent_of:
        values = table.member_of_values()[np.maximum(places, 0)][places >= 0]
        for name, shares in results.items():
            found = measure_dependence(shares[places >= 0], values, targets[places >= 0])
            section["models"][name]["dependence"] = found
    return section | {"outside": int((places < 0).sum())}


def _train_without(
    name: str, where: str, asked: TrainSpec[Any], folder: RunFolder, train: repeats.Train
) -> RunFolder:
    own = RunFolder(Path(folder.path, where))
    LOG.info("the same without %s, to compare: %s", flag_name(name), own.path)
    keras.utils.clear_session()
    repeats.finish_run(asked.replace(**{name: None}, folds=0, out=str(own.path)), own, train)
    return own


def compare_groups(
    right: Mapping[str, np.ndarray], places: np.ndarray, names: Sequence[str], weights: np.ndarray
) -> dict[str, Any]:
    """Return accuracies by group and by model, and what the last model changes over the one before.

    Args:
        right: model -> (N,) bool, which answers are right; before fine-tuning, without the flag, with it.
        places: (N,) int, place in `names`; -1: in no group.
        names: of the groups.
        weights: (draws, N), bootstrap samples.

    Returns:
        `groups`: by name `n`, the accuracy of each model, `interval` and `gain` over the model without, with
        `gain_interval`. `models`: by name `accuracy`, `worst`, `worst_group`, `gap`, each with its 95 % interval.
        `changes`: of the worst group and of all examples.
    """
    metrics = {name: weighted_group_accuracy(each, places, names) for name, each in right.items()}
    values = {name: of(np.ones((1, len(places)))) for name, of in metrics.items()}
    draws = {name: of(weights) for name, of in metrics.items()}
    groups = {}
    for number, name in enumerate(names):
        row: dict[str, Any] = {"n": int((places == number).sum())}
        row |= {short: _number(values[model][name]) for short, model in zip(SHORT, right, strict=True)}
        row["interval"] = interval(draws[THIS][name])
        groups[name] = row | _change(values, draws, name, "gain")
    models = {
        model: {
            "accuracy": _number(values[model]["accuracy"]),
            "interval": interval(draws[model]["accuracy"]),
            "worst_group": _find_worst(values[model], names),
            "worst": _number(values[model][WORST]),
            "worst_interval": interval(draws[model][WORST]),
            "gap": _number(values[model]["gap"]),
            "gap_interval": interval(draws[model]["gap"]),
        }
        for model in right
    }
    rows = {"worst group": WORST, "all examples": "accuracy", "gap": "gap"}
    changes = {title: _change(values, draws, key, "change") for title, key in rows.items()}
    return {"groups": groups, "models": models, "changes": changes}


def _change(values: Mapping, draws: Mapping, key: str, name: str) -> dict[str, Any]:
    without = list(values)[1]
    difference: Callable[[Mapping], np.ndarray] = lambda of: of[THIS][key] - of[without][key]  # noqa: E731
    return {name: _number(difference(values)), f"{name}_interval": interval(difference(draws))}


def _find_worst(values: Mapping[str, np.ndarray], names: Sequence[str]) -> str:
    return next((n for n in names if abs(values[n][0] - values[WORST][0]) < LEAST_CHANGE), "")


def _number(value: np.ndarray) -> float | None:
    return float(value[0]) if np.isfinite(value[0]) else None


def describe(section: Mapping[str, Any]) -> str:
    """Return the comparison in one line."""
    name, without = list(section["models"].items())[1]
    this = section["models"][THIS]
    return (
        f"worst group {this['worst_group']}: accuracy {this['worst']:.3f}, {without['worst']:.3f} {name}; "
        f"all examples {this['accuracy']:.3f}, {without['accuracy']:.3f} without"
    )
