"""Tables of a search's trials: what each tried and got, how the best grew, which settings matter."""

from __future__ import annotations

import csv
import logging
from collections.abc import Mapping
from typing import Any

import numpy as np

from cityzoo.replace_file import replace_file
from cityzoo.tune.journal import REDUCTION, RUNGS, finished_trials, import_optuna
from cityzoo.tune.parallel_coordinates import LEAST_DRAWN
from cityzoo.tune.search import Search
from cityzoo.tune.search_space import label
from cityzoo.tune.workers import run_folder

LOG = logging.getLogger(__name__)
LEAST_FOR_IMPORTANCE = 5  # trials
STATES = {"COMPLETE": "finished", "PRUNED": "stopped early", "FAIL": "failed", "RUNNING": "unfinished"}


def describe_trials(search: Search, default: int) -> dict[str, Any]:
    """Return what a report says of the trials, and write them as a table.

    Args:
        search: with its study.
        default: number of the defaults' trial.
    """
    rows = list_trials(search)
    write_trials(search, rows)
    trained = [row for row in rows.values() if row["state"] != "unfinished"]
    return {
        "trials": rows,
        "n_trials": len(trained),
        "minutes": round(sum(row["seconds"] or 0 for row in rows.values()) / 60, 1),
        "full_trainings": count_trainings(rows, default),
        "history": trace_best(search, rows),
        "importance": measure_importance(search),
        "rung_agreement": correlate_rungs(search),
        "pareto": find_pareto_front(search),
    }


def list_trials(search: Search) -> dict[str, dict[str, Any]]:
    """Return a row for each trial that has begun: state, objectives, seconds, what it changes, why it failed."""
    rows = {}
    for trial in search.study.get_trials(deepcopy=False):
        attrs = trial.user_attrs
        state = STATES.get(trial.state.name)
        if state is None or "repeats" in attrs:  # queued, or told the result of equal settings
            continue
        values = dict(zip(search.objectives, trial.values or [], strict=False))
        changed = {
            each.name: label(round_value(trial.params[each.name]))
            for each in search.space
            if each.name in trial.params and trial.params[each.name] != each.name_value(each.default)
        }
        rows[f"trial {trial.number}"] = {
            "number": trial.number,
            "state": state,
            **{name: values.get(name) for name in search.objectives},
            "seconds": attrs.get("seconds"),
            "origin": attrs.get("origin", "sampler"),
            "changed": ", ".join(f"{name} {value}" for name, value in changed.items()),
            "reason": attrs.get("reason", ""),
            "params": {name: round_value(value) for name, value in trial.params.items()},
        }
    return rows


def write_trials(search: Search, rows: Mapping[str, Mapping[str, Any]]) -> None:
    """Write `trials.csv`, a row for each trial and a column for each setting."""
    names = [each.name for each in search.space]
    columns = ["number", "state", *search.objectives, "seconds", "origin", *names, "reason"]
    with replace_file(search.folder.path / "trials.csv") as part, part.open("w", newline="") as file:
        writer = csv.DictWriter(file, columns, restval="", extrasaction="ignore")
        writer.writeheader()
        for row in rows.values():
            writer.writerow({**row, **row["params"]})


def count_trainings(rows: Mapping[str, Mapping[str, Any]], default: int) -> float | None:
    """Return how many trainings with the defaults would have taken as long as all trials."""
    one = rows[f"trial {default}"]["seconds"]
    return round(sum(row["seconds"] or 0 for row in rows.values()) / one, 1) if one else None


def trace_best(search: Search, rows: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return the metric of each finished trial and the best so far, over the minutes of all trials; {}: too few."""
    metric, sign = search.objectives[0], 1 if search.is_lower_better else -1
    minutes, best, values, spent = [], [], [], 0.0
    for row in rows.values():
        spent += row["seconds"] or 0
        if row["state"] == "finished":
            minutes.append(round(spent / 60, 2))
            values.append(row[metric])
            best.append(sign * min(sign * value for value in values))
    return {"minutes": minutes, "value": values, "best": best} if len(values) >= LEAST_DRAWN else {}


def measure_importance(search: Search) -> dict[str, float]:
    """Return the share of each setting in what makes trials good; nothing where there are too few of them."""
    optuna = import_optuna()
    if len(finished_trials(search.study)) < LEAST_FOR_IMPORTANCE:
        return {}
    try:
        sign = 1 if search.is_lower_better else -1  # PED-ANOVA looks at the lowest values
        found = optuna.importance.get_param_importances(search.study, target=lambda t: sign * t.values[0])
    except (ValueError, RuntimeError) as error:  # all trials are equal
        LOG.debug("no importance: %s", error)
        return {}
    return {name: round(float(value), 4) for name, value in found.items()}


def correlate_rungs(search: Search) -> dict[str, dict[str, Any]]:
    """Return the rank correlation between what trials had at a rung and at the end, for each earlier rung."""
    from scipy.stats import spearmanr

    last, found = REDUCTION ** (RUNGS - 1), {}
    known = [t.user_attrs for t in finished_trials(search.study) if "repeats" not in t.user_attrs]
    for rung in range(RUNGS - 1):
        step = REDUCTION**rung
        pairs = [
            (a[f"rung {step}"], a[f"rung {last}"])
            for a in known
            if {f"rung {step}", f"rung {last}"} <= a.keys()
        ]
        if len(pairs) >= 3:
            value = float(spearmanr(*zip(*pairs, strict=True)).statistic)
            share = f"1/{REDUCTION ** (RUNGS - 1 - rung)} of the epochs"
            found[share] = {"correlation": value if np.isfinite(value) else None, "n": len(pairs)}
    return found


def find_pareto_front(search: Search) -> dict[str, dict[str, Any]]:
    """Return the trials that no other one beats in every objective; nothing where there is one objective."""
    if len(search.objectives) == 1:
        return {}
    return {
        f"trial {each.number}": dict(zip(search.objectives, each.values, strict=True))
        | {"folder": str(run_folder(search.folder, each))}
        for each in search.study.best_trials
        if "repeats" not in each.user_attrs
    }


def round_value(value: Any) -> Any:
    """Return a number with three significant digits, anything else as it is."""
    return float(f"{value:.3g}") if isinstance(value, float) else value
