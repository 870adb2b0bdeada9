"""The model card of a forecasting run: what it is for, what it is not for, and what is known of its limits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cityzoo.metrics.keys import look_up
from cityzoo.report.licences import OWN_LICENCE, licences
from cityzoo.report.number_format import is_number, score, share

DEMO = "/cityzoo/demo/"
OFF = 0.05  # by which coverage may miss what the interval shall hold
LITTLE = 14  # days of measurements below which weeks and seasons are not known


def model_card(report: Mapping[str, Any], task_summary: str) -> dict[str, list[str]]:
    """Return the card of a model after Mitchell et al. 2019, "Model Cards for Model Reporting" (arXiv 1810.03993).

    Args:
        report: all that is known of the run and its figures; what is absent is not spoken of.
        task_summary: what the task does, as `Task.summary` has it.

    Returns:
        sentences by section: "Intended use", "Not for", "Data", "How it was judged", "Known limits", "Licences".

    Example:
        >>> card = model_card({"best_baseline": "linear_ar", "gain": -0.1}, "speed of the next hour")
        >>> card["Intended use"][0], card["Known limits"][0]
        ('Speed of the next hour.', 'It is no better than linear_ar, which needs no network: use that.')
    """
    sections = {
        "Intended use": _intended(report, task_summary),
        "Not for": _not_for(),
        "Data": _data(report),
        "How it was judged": _judged(report),
        "Known limits": _limits(report),
        "Licences": _licences(report),
    }
    return {title: list(sentences) for title, sentences in sections.items()}


def _intended(report: Mapping, summary: str) -> Iterator[str]:
    yield f"{summary[:1].upper()}{summary[1:]}."
    if report.get("n_sensors"):
        yield f"For the {report['n_sensors']} sensors of sensors.json, in that order, and no others."


def _not_for() -> Iterator[str]:
    yield "Not for closing roads or warning the public unless a person looks first."
    yield "Not for other sensors: adapt it with a few days of theirs, train.py --weights RUN --data THEIRS."
    yield "Not for roads that were rebuilt or sensors that were moved since: train again."


def _data(report: Mapping) -> Iterator[str]:
    found = report.get("findings") or {}
    if report.get("data"):
        yield f"It was judged on {report['data']}" + (
            f", {found['start']} to {found['end']} ({found.get('timezone')})." if found.get("start") else "."
        )
    if is_number(found.get("measured")):
        yield f"{share(found['measured'])} of the values were measured; what was not is neither learned nor judged."
    yield "Measurements of a road or a station are about places; of a single vehicle or household do not publish them."


def _judged(report: Mapping) -> Iterator[str]:
    test = report.get("test") or {}
    if test:
        yield f"On the rows from {test['from']} to {test['to']}, after all that it learned from: they chose nothing."
    if report.get("n_windows"):
        yield f"{report['n_windows']} overlapping windows, errors over all steps up to each horizon."
    others = [name for name in report.get("models") or () if name != report.get("backbone")]
    if others:
        yield f"Beside {', '.join(others)}, on the same windows."


def _limits(report: Mapping) -> Iterator[str]:
    gain, best = report.get("gain"), report.get("best_baseline")
    if is_number(gain) and gain <= 0:
        yield f"It is no better than {best}, which needs no network: use that."
    if _is_simulated(report):
        yield "It knows simulated sensors: what it is worth on real ones has to be seen there first."
    found = report.get("findings") or {}
    rows, step = found.get("rows"), found.get("step_seconds")
    if is_number(rows) and is_number(step) and rows * step < LITTLE * 86400:
        yield f"It has seen {rows * step / 86400:.1f} days: what differs from week to week or by season it cannot know."
    low, high = report.get("interval") or (None, None)
    held = report.get("coverage")
    if is_number(held) and is_number(low) and abs(held - (high - low)) > OFF:
        yield f"Its interval shall hold {share(high - low)} of the values and holds {share(held)}."
    worst = next(iter((report.get("worst_sensors") or {}).items()), None)
    if worst:
        yield f"It is weakest at sensor {worst[0]} (mean absolute error {score(look_up(worst[1], 'mae'))})."
    yield "What has never happened in its data, such as a closed bridge, it does not foresee."
    yield from map(str, report.get("warnings") or ())


def _licences(report: Mapping) -> Iterator[str]:
    yield from licences(report.get("weights"), [None if _is_simulated(report) else report.get("data")])
    if _is_simulated(report):
        yield f"The series was simulated by cityzoo: {OWN_LICENCE}."


def _is_simulated(report: Mapping) -> bool:
    return DEMO in str(report.get("data")).replace("\\", "/")
