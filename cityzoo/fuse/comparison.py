"""What a fusion gains over its members, with paired intervals, and what it costs in milliseconds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cityzoo.evaluation.compare import better_when_lower
from cityzoo.evaluation.evaluate import ComparedRun
from cityzoo.evaluation.evaluated_run import EvaluatedRun, compare_with
from cityzoo.predict import shortest_milliseconds

if TYPE_CHECKING:
    import keras

ROLES = ("member", "compared")


def compare_runs(
    runs: Sequence[EvaluatedRun], subject: EvaluatedRun, examples: Any
) -> dict[str, ComparedRun]:
    """Return the metrics of some runs on the examples that a fusion is evaluated on, by folder."""
    return {run.path: compare_with(run, subject, examples, {}) for run in runs}


def describe_fusion(
    by: str,
    model: keras.Model,
    members: Sequence[EvaluatedRun],
    others: Sequence[EvaluatedRun],
    compared: Mapping[str, Any],
    weights: Sequence[float] = (),
) -> dict[str, Any]:
    """Return the report's `fusion`: each run next to the fused one, and the best of them.

    The best member is the one with the best metric on the examples that the fusion is evaluated on: no choice would
    have found a better one, so a gain over it is real.

    Args:
        by: the method.
        model: the fused model.
        members: the runs that were fused.
        others: other runs to compare with.
        compared: run -> comparison, as `cityzoo.evaluation.evaluate.analyze` returns it.
        weights: of the members; empty: they have none.
    """
    first = members[0]
    metric = first.task.monitor
    lower = better_when_lower(metric, first.output.lower_is_better)
    rows: dict[str, dict[str, Any]] = {}
    *times, own_time = shortest_milliseconds([run.model for run in (*members, *others)] + [model])
    for number, run in enumerate((*members, *others)):
        figures = compared[run.path]["figures"].get(metric)
        if figures is None:
            continue
        rows[run.path] = {
            "role": ROLES[number >= len(members)],
            "backbone": run.spec.run.backbone,
            "ema": run.spec.fit.ema,
            "weight": weights[number] if number < len(weights) else None,
            "value": figures["other"],
            **{name: figures[name] for name in ("difference", "verdict")},
            "interval": None if figures["low"] is None else [figures["low"], figures["high"]],
            "milliseconds": round(times[number], 2),
            "slowdown": own_time / times[number],
        }
    summary = {"by": by, "metric": metric, "milliseconds": round(own_time, 2)}
    return {**summary, **_summary(rows, lower), "runs": rows}


def _summary(rows: Mapping[str, dict[str, Any]], lower: bool) -> dict[str, Any]:
    found: dict[str, Any] = {}
    groups = {
        "best": [name for name, row in rows.items() if row["role"] == ROLES[0]],
        "best_ema": [name for name, row in rows.items() if row["ema"]],
    }
    for key, names in groups.items():
        known = [name for name in names if rows[name]["value"] is not None]
        if known:
            best = (min if lower else max)(known, key=lambda name: rows[name]["value"])
            row = rows[best]
            found[key] = {
                "run": best,
                **{n: row[n] for n in ("value", "difference", "interval", "verdict", "slowdown")},
            }
    return found


def format_fusion(fusion: Mapping[str, Any]) -> list[str]:
    """Return lines for the console: what was gained and what it costs.

    Example:
        >>> best = {"run": "runs/a", "value": 0.8, "difference": 0.02, "interval": [0.01, 0.03]}
        >>> best |= {"verdict": "better", "slowdown": 2.0}
        >>> fusion = {"by": "ensemble", "metric": "accuracy", "milliseconds": 8.0, "best": best}
        >>> print("; ".join(format_fusion(fusion)))
        ensemble against the best member runs/a (accuracy 0.8000): +0.0200, 95 % interval +0.0100 to +0.0300: better; \
8.0 ms an example, 2.00 times runs/a
    """
    lines = []
    for key, name in (("best", "the best member"), ("best_ema", "the best run with --ema")):
        row = fusion.get(key)
        if row is None:
            continue
        interval = row["interval"] and ", 95 % interval {:+.4f} to {:+.4f}".format(*row["interval"])
        lines.append(
            f"{fusion['by']} against {name} {row['run']} ({fusion['metric']} {row['value']:.4f}): "
            f"{row['difference']:+.4f}{interval or ''}: {row['verdict']}"
        )
    row = fusion.get("best")
    if row is not None:
        lines.append(f"{fusion['milliseconds']:.1f} ms an example, {row['slowdown']:.2f} times {row['run']}")
    return lines
