"""What a search found: the winner against the defaults on examples that chose nothing, importance, price."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from shlex import quote
from typing import Any

import numpy as np

from cityzoo.errors import InputError
from cityzoo.evaluation.run_facts import earlier_facts, environment
from cityzoo.fit.run_files import RunFolder
from cityzoo.modalities import Dataset, Modality
from cityzoo.modalities.identity import DataIdentity
from cityzoo.model import load
from cityzoo.predict import shortest_milliseconds
from cityzoo.tune import trial_run
from cityzoo.tune.journal import default_trial, finished_trials
from cityzoo.tune.repeats import interval
from cityzoo.tune.search import Search
from cityzoo.tune.search_space import label
from cityzoo.tune.trial_table import describe_trials, round_value
from cityzoo.tune.workers import run_folder

LOG = logging.getLogger(__name__)
FRESH_SEED = 1000  # of the first retraining, above the search's own


def winner_of(search: Search) -> Any:
    """Return the finished trial with the best first objective; of equal ones the earliest."""
    sign = 1 if search.is_lower_better else -1
    known = [each for each in finished_trials(search.study) if "repeats" not in each.user_attrs]
    return min(known, key=lambda each: (sign * each.values[0], each.number))


def finish_trial(search: Search, trial: Any, others: Sequence[Path] = ()) -> dict[str, Any]:
    """Return the report of a trial on the examples set aside; written once, again to compare with others."""
    folder = run_folder(search.folder, trial)
    known = earlier_facts(folder)
    if known and all(find_comparison(known, path) for path in others):
        return known
    prepared = search.prepare(search.values_of(trial.params))
    return trial_run.finish(prepared, folder, others)


def find_comparison(report: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Return the comparison with the trial in a folder; a report shortens absolute paths."""
    rows = (report.get("compared") or {}).items()
    return next((row for name, row in rows if Path(name).name == folder.name), {})


def summarize(search: Search, ended: str, retrain: int = 0) -> dict[str, Any]:
    """Return what the search found, and leave the answer's run folder in `best`.

    Raises:
        InputError: the defaults were not trained to the end: nothing to compare with.
    """
    default = default_trial(search.study)
    if default is None:
        raise InputError(
            f"{ended} before the defaults were trained: nothing to compare; continue with {_resume(search)}"
        )
    metric, winner = search.objectives[0], winner_of(search)
    folder, difference = run_folder(search.folder, default), None
    reports = {"defaults": finish_trial(search, default)}
    reports["winner"] = reports["defaults"]
    if winner.number != default.number:
        reports["winner"] = finish_trial(search, winner, [folder])
        difference = find_comparison(reports["winner"], folder)["figures"].get(metric)
    is_better = difference is not None and difference["verdict"] == "better"
    trials = {"defaults": default, "winner": winner}
    retrained = _retrain(search, trials, retrain) if retrain else {}
    answer = "winner" if is_better else "defaults"
    _copy_best(search, retrained.get(answer, {}).get("folder"), trials[answer])
    return {
        "task": search.asked.run.task,
        "backbone": search.asked.run.backbone,
        "data": reports["defaults"].get("data"),
        "metric": metric,
        "objectives": list(search.objectives),
        "answer": "better" if is_better else "defaults",
        "answer_text": _answer_text(search, winner, default, difference, is_better),
        "runs": _rows_of(search, trials, reports),
        "difference": difference,
        "retrained": retrained,
        "settings": _settings(search, winner),
        "examples": search.task.modality.unit,
        f"n_{search.task.modality.unit}": len(search.examples.aside),
        "split": "set-aside part of the val" if search.examples.is_half else search.examples.aside.split,
        "n_choosing": len(search.examples.data.val),
        "ended": ended,
        **describe_trials(search, default.number),
        "commands": _commands(search),
        **environment(search.asked.run.seed),
    }


def _resume(search: Search) -> str:
    return f"python -m cityzoo tune --resume {quote(str(search.folder.path))}"


def _commands(search: Search) -> dict[str, str]:
    best = search.folder.best
    return {
        "continue the search": f"{_resume(search)} --minutes 60",
        "check it with fresh seeds": f"{_resume(search)} --minutes 1 --retrain 3",
        "train the answer again": f"python train.py --config {quote(str(best / 'spec.json'))}",
        "evaluate it": f"python evaluate.py {quote(str(best))}",
    }


def _answer_text(search: Search, winner: Any, default: Any, difference: Any, is_better: bool) -> str:
    metric = search.objectives[0]
    if winner.number == default.number:
        return f"the defaults hold: no trial has a better {metric} on the validation examples"
    shown = "no interval could be computed"
    if difference and difference["low"] is not None:
        low, high = difference["low"], difference["high"]
        shown = f"{metric} {difference['difference']:+.4f}, 95 % interval {low:+.4f} to {high:+.4f}"
    if is_better:
        return f"trial {winner.number} beats the defaults on examples that chose nothing: {shown}"
    return f"the defaults hold: trial {winner.number} is not clearly better on examples that chose nothing ({shown})"


def _rows_of(
    search: Search, trials: Mapping[str, Any], reports: Mapping[str, Mapping[str, Any]]
) -> dict[str, dict[str, Any]]:
    """Return a row of each named trial; their models are timed in turns, for no trial ran in the same minutes."""
    metric = search.objectives[0]
    folders = {name: run_folder(search.folder, trial) for name, trial in trials.items()}
    different = dict.fromkeys(folders.values())  # the defaults may be the winner
    times = shortest_milliseconds([load(RunFolder(folder).model) for folder in different])
    milliseconds = dict(zip(different, times, strict=True))
    return {
        name: {
            "trial": trial.number,
            "chosen_by": trial.values[0],
            "estimate": reports[name].get(metric),
            "interval": (reports[name].get("intervals") or {}).get(metric),
            "milliseconds": round(milliseconds[folders[name]], 2),
            "megabytes": RunFolder(folders[name]).model.stat().st_size / trial_run.MEGABYTE,
            "seconds": trial.user_attrs.get("seconds"),
            "folder": str(folders[name]),
        }
        for name, trial in trials.items()
    }


def _settings(search: Search, winner: Any) -> dict[str, Any]:
    return {
        each.name: {"default": label(each.default), "winner": label(round_value(winner.params[each.name]))}
        for each in search.space
        if each.name in winner.params
    }


def _retrain(search: Search, trials: Mapping[str, Any], count: int) -> dict[str, dict[str, Any]]:
    """Train the defaults and the winner with fresh seeds and evaluate them on the examples set aside."""
    found: dict[str, dict[str, Any]] = {}
    metric = search.objectives[0]
    for name, trial in trials.items():
        values, folder = [], None
        for seed in range(FRESH_SEED, FRESH_SEED + count):
            own = search.folder.path / "retrained" / f"{name}-{trial.number}-seed-{seed}"
            report = earlier_facts(own)
            if not report:
                prepared = search.prepare(search.values_of(trial.params))
                seeded = replace(prepared, spec=prepared.spec.replace(seed=seed))
                report = trial_run.finish(seeded, own)
            values.append(report[metric])
            folder = folder or str(own)
        mean = float(np.mean(values))
        found[name] = {"mean": mean, "values": values, "folder": folder}
        found[name] |= {"interval": interval(values)} if count > 1 else {}
        LOG.info("%s with %d fresh seeds: %s %.4f", name, count, metric, mean)
    return found


def _copy_best(search: Search, retrained: str | None, trial: Any) -> None:
    source = Path(retrained) if retrained else run_folder(search.folder, trial)
    part = search.folder.path / "best.part"
    shutil.rmtree(part, ignore_errors=True)
    shutil.copytree(source, part)
    shutil.rmtree(search.folder.best, ignore_errors=True)
    part.rename(search.folder.best)
    # evaluate.py and train.py read all of val: the examples set aside belong to this run's data, too.
    identify_data(search.examples.whole, search.task.modality).write(RunFolder(search.folder.best).data)


def identify_data(data: Dataset, modality: Modality[Any]) -> DataIdentity:
    """Return the identity of a search's data: all splits, whatever is set aside."""
    splits = {id(each): each for each in (data.train, data.val, data.held_out)}
    return modality.data_identity(splits.values(), data.findings.as_dict()["source"])
