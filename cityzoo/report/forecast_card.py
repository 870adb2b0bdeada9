"""Model card of a forecasting run: intended use, data, evaluation and known limits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cityzoo.metrics.keys import look_up
from cityzoo.report.licenses import OWN_LICENSE, license_sentences
from cityzoo.report.number_format import format_score, format_share, is_number

DEMO = "/cityzoo/demo/"
MAX_MISCOVERAGE = 0.05  # tolerated difference to the nominal coverage
SHORT = 14  # days of data, below which weekly and seasonal patterns are unknown


def model_card(report: Mapping[str, Any], task_summary: str) -> dict[str, list[str]]:
    """Return the card of a forecasting model, see `cityzoo.report.model_card.model_card`.

    Example:
        >>> card = model_card({"best_baseline": "linear_ar", "gain": -0.1}, "speed of the next hour")
        >>> card["Intended use"][0], card["Known limits"][0]
        ('Speed of the next hour.', 'Not better than linear_ar, which needs no network: use that instead.')
    """
    sections = {
        "Intended use": _intended(report, task_summary),
        "Not for": _not_for(),
        "Data": _data(report),
        "How it was judged": _evaluation(report),
        "Known limits": _limits(report),
        "Licences": _licences(report),
    }
    return {title: list(sentences) for title, sentences in sections.items()}


def _intended(report: Mapping[str, Any], summary: str) -> Iterator[str]:
    yield f"{summary[:1].upper()}{summary[1:]}."
    if report.get("n_sensors"):
        yield f"For the {report['n_sensors']} sensors of sensors.json only, in that order."


def _not_for() -> Iterator[str]:
    yield "Not for closing roads or warning the public without human review."
    yield "Not for other sensors: adapt it to a few days of their data, train.py --weights RUN --data DATA."
    yield "Not for roads rebuilt or sensors moved since then: retrain."


def _data(report: Mapping[str, Any]) -> Iterator[str]:
    found = report.get("findings") or {}
    if report.get("data"):
        yield f"Evaluated on {report['data']}" + (
            f", {found['start']} to {found['end']} ({found.get('timezone')})." if found.get("start") else "."
        )
    if is_number(found.get("measured")):
        yield f"{format_share(found['measured'])} of the values were measured; missing ones are not used."
    yield "Publish only measurements of roads and stations, not of single vehicles or households."


def _evaluation(report: Mapping[str, Any]) -> Iterator[str]:
    test = report.get("test") or {}
    if test:
        yield f"On the rows from {test['from']} to {test['to']}, after all training data; nothing was selected on them."
    if report.get("n_windows"):
        yield f"On {report['n_windows']} overlapping windows; errors are over all steps up to each horizon."
    others = [name for name in report.get("models") or () if name != report.get("backbone")]
    if others:
        yield f"Compared with {', '.join(others)} on the same windows."


def _limits(report: Mapping[str, Any]) -> Iterator[str]:
    gain, best = report.get("gain"), report.get("best_baseline")
    if is_number(gain) and gain <= 0:
        yield f"Not better than {best}, which needs no network: use that instead."
    if _is_simulated(report):
        yield "Trained on simulated sensors: performance on real ones is unknown."
    found = report.get("findings") or {}
    rows, step = found.get("rows"), found.get("step_seconds")
    if is_number(rows) and is_number(step) and rows * step < SHORT * 86400:
        yield f"Trained on {rows * step / 86400:.1f} days only: weekly and seasonal patterns are unknown to it."
    low, high = report.get("interval") or (None, None)
    held = report.get("coverage")
    if is_number(held) and is_number(low) and is_number(high) and abs(held - (high - low)) > MAX_MISCOVERAGE:
        yield f"The {format_share(high - low)} interval covers {format_share(held)} of the values."
    worst = next(iter((report.get("worst_sensors") or {}).items()), None)
    if worst:
        yield f"Weakest at sensor {worst[0]} (mean absolute error {format_score(look_up(worst[1], 'mae'))})."
    yield "It cannot foresee events that never happened in its data, such as a closed bridge."
    yield from map(str, report.get("warnings") or ())


def _licences(report: Mapping[str, Any]) -> Iterator[str]:
    yield from license_sentences(
        report.get("weights"), [None if _is_simulated(report) else report.get("data")]
    )
    if _is_simulated(report):
        yield f"The series, simulated by cityzoo: {OWN_LICENSE}."


def _is_simulated(report: Mapping[str, Any]) -> bool:
    return DEMO in str(report.get("data")).replace("\\", "/")
