"""Page and model card of a forecasting run; its first tables compare the model with the baselines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from cityzoo.metrics.keys import look_up, pointer
from cityzoo.report.layout import Card, Chart, Columns, Layout, Section, Table
from cityzoo.report.licenses import OWN_LICENSE, license_sentences
from cityzoo.report.model_card import teacher_sentences
from cityzoo.report.number_format import format_score, format_share, is_number

ALARM_COLUMNS: Columns = {
    "alarms": ("alarms", "count"),
    "precision_in_time": ("correct and in time", "share"),
    "recall_in_time": ("events warned of", "share"),
    "lead_hours/median": ("lead, hours", "score"),
    "false_alarms_per_sensor_week": ("false alarms per sensor and week", "score"),
}
DEMO = "/cityzoo/demo/"
MAX_MISCOVERAGE = 0.05  # tolerated difference to the nominal coverage
SHORT = 14  # days of data, below which weekly and seasonal patterns are unknown


def layout(report: Mapping[str, Any], class_names: tuple[str, ...] = ()) -> Layout:
    """Return what the page of a forecasting run shows."""
    unit = f", {report['unit']}" if report["unit"] else ""
    meanings = _meanings(report["horizons"], unit)
    return Layout(
        _cards(report, unit),
        meanings,
        lower=tuple(name for name in meanings if name != "coverage"),
        neutral=("coverage",),
        tables=_tables(report, unit),
        charts=(
            Chart("Error by step", "by_step", "minutes", "mae", "minutes ahead", f"MAE of that step{unit}"),
        ),
        sections=_warning_sections(report),
        images=report.get("images") or {},
        legend=(("", "black: measured; blue: forecast with its interval; gray: the best baseline"),),
        curves={"val_loss": "validation loss", "loss": "training loss"},
        curve_note="Pinball loss after each epoch.",
    )


def _meanings(horizons: list[str], unit: str) -> dict[str, str]:
    return {
        "mae": f"mean absolute error over all steps{unit}",
        "rmse": f"root mean squared error over all steps{unit}",
        **{f"mae_{name}": f"mean absolute error over all steps up to {name}{unit}" for name in horizons},
        **{f"rmse_{name}": f"root mean squared error over all steps up to {name}{unit}" for name in horizons},
        "coverage": "share of the measured values within the interval",
        "loss": "mean pinball loss of the quantiles, in standard deviations of the values before the test rows",
    }


def _cards(report: Mapping[str, Any], unit: str) -> tuple[Card, ...]:
    first, last = report["horizons"][0], report["horizons"][-1]
    low, high = report["interval"]
    gain = f"MAE saved compared with the best baseline ({report['best_baseline']}), {last}; below 0: worse"
    return (
        Card(f"mae_{first}", f"MAE, {first}", f"mean absolute error{unit}"),
        Card(f"mae_{last}", f"MAE, {last}", f"mean absolute error{unit}"),
        Card("gain", "gain", gain, "share"),
        Card("coverage", "coverage", f"of the interval, nominal {100 * (high - low):g} %", "share"),
    )


def _tables(report: Mapping[str, Any], unit: str) -> tuple[Table, ...]:
    def errors(metric: str, shown_as: Literal["score", "share"]) -> Columns:
        return {f"{metric}_{name}": (name, shown_as) for name in report["horizons"]}

    return (
        Table(
            f"Comparison with baselines: MAE{unit}",
            "models",
            errors("mae", "score"),
            "Errors over all steps up to each horizon, where a value was measured. A model that does not beat the "
            "rows above it is not worth using.",
        ),
        Table(f"Comparison with baselines: RMSE{unit}", "models", errors("rmse", "score")),
        Table(
            "Comparison with baselines: MAPE",
            "models",
            errors("mape", "share"),
            "Without values under a hundredth of the mean.",
        ),
        Table(
            f"Worst sensors{unit}",
            "worst_sensors",
            {
                "mae": ("MAE", "score"),
                "mae_best_baseline": (f"MAE of {report['best_baseline']}", "score"),
                "bias": ("bias", "signed"),
                "n": ("values", "count"),
            },
        ),
    )


def _warning_sections(report: Mapping[str, Any]) -> tuple[Section, ...]:
    rules = look_up(report, "early_warning/rules") or {}
    note = (
        "Alarms raised from the forecast's probabilities, compared with two methods that need no model; alarms.txt "
        "lists each alarm."
    )
    by_rule = [Table(rule, pointer("early_warning", "rules", rule, "by"), ALARM_COLUMNS) for rule in rules]
    return (Section("Early warning", "early_warning", note, tables=by_rule),) if rules else ()


def model_card(report: Mapping[str, Any], task_summary: str) -> dict[str, list[str]]:
    """Return the card of a forecasting model, see `cityzoo.report.model_card.model_card`.

    Example:
        >>> card = model_card({"best_baseline": "linear_ar", "gain": -0.1}, "speed of the next hour")
        >>> card["Intended use"][0], card["Known limits"][0]
        ('Speed of the next hour.', 'Not better than linear_ar, which needs no network: use that instead.')
    """
    intended = [f"{task_summary[:1].upper()}{task_summary[1:]}."]
    if report.get("n_sensors"):
        intended.append(f"For the {report['n_sensors']} sensors of sensors.json only, in that order.")
    return {
        "Intended use": intended,
        "Not for": [
            "Not for closing roads or warning the public without human review.",
            "Not for other sensors: adapt it to a few days of their data, train.py --weights RUN --data DATA.",
            "Not for roads rebuilt or sensors moved since then: retrain.",
        ],
        "Data": list(_data(report)),
        "Evaluation": list(_evaluation(report)),
        "Known limits": list(_limits(report)),
        "Licenses": list(_licenses(report)),
    }


def _data(report: Mapping[str, Any]) -> Iterator[str]:
    found = report.get("findings") or {}
    if report.get("data"):
        yield f"Evaluated on {report['data']}" + (
            f", {found['start']} to {found['end']} ({found.get('timezone')})." if found.get("start") else "."
        )
    if is_number(found.get("measured")):
        yield f"{format_share(found['measured'])} of the values were measured; missing ones are not used."
    yield from teacher_sentences(report)
    yield "Publish only measurements of roads and stations, not of single vehicles or households."


def _evaluation(report: Mapping[str, Any]) -> Iterator[str]:
    test = report.get("test") or {}
    if test:
        yield f"On the rows from {test['from']} to {test['to']}, after all training data; nothing was selected on them."
    if report.get("n_windows"):
        yield f"On {report['n_windows']} overlapping windows; errors are over all steps up to each horizon."
    baselines = [name for name in report.get("models") or () if name != "model"]
    if baselines:
        yield f"Compared with {', '.join(baselines)} on the same windows."
    if report.get("intervals"):
        yield "Intervals are 95 % bootstrap intervals over windows: they do not cover other seasons."


def _limits(report: Mapping[str, Any]) -> Iterator[str]:
    gain, best = report.get("gain"), report.get("best_baseline")
    if is_number(gain) and gain <= 0:
        yield f"Not better than {best}, which needs no network: use that instead."
    if _is_simulated(report):
        yield "Trained on simulated sensors: performance on real ones is unknown."
    found = report.get("findings") or {}
    rows, step = found.get("rows"), found.get("step_seconds")
    if is_number(rows) and is_number(step) and rows * step < SHORT * 86400:
        yield f"Its data spans {rows * step / 86400:.1f} days only: weekly and seasonal patterns are unknown to it."
    low, high = report.get("interval") or (None, None)
    held = report.get("coverage")
    if is_number(held) and is_number(low) and is_number(high) and abs(held - (high - low)) > MAX_MISCOVERAGE:
        yield f"The {format_share(high - low)} interval covers {format_share(held)} of the values."
    worst = next(iter((report.get("worst_sensors") or {}).items()), None)
    if worst:
        yield f"Weakest at sensor {worst[0]} (mean absolute error {format_score(look_up(worst[1], 'mae'))})."
    yield "It cannot foresee events that never happened in its data, such as a closed bridge."
    yield from map(str, report.get("warnings") or ())


def _licenses(report: Mapping[str, Any]) -> Iterator[str]:
    simulated = _is_simulated(report)
    yield from license_sentences(report.get("weights"), [None if simulated else report.get("data")])
    if simulated:
        yield f"The series, simulated by cityzoo: {OWN_LICENSE}."


def _is_simulated(report: Mapping[str, Any]) -> bool:
    return DEMO in str(report.get("data")).replace("\\", "/")
