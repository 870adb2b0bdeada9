"""Page of a forecasting run; its first table compares the model with the baselines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cityzoo.metrics.keys import pointer
from cityzoo.report.forecast_card import model_card  # noqa: F401  (found by name)
from cityzoo.report.layout import Card, Chart, Layout, Section, ShownAs, Table

ALARM_COLUMNS: dict[str, tuple[str, ShownAs]] = {
    "alarms": ("alarms", "count"),
    "precision_in_time": ("correct and in time", "share"),
    "recall_in_time": ("events warned of", "share"),
    "lead_hours/median": ("lead, hours", "score"),
    "false_alarms_per_sensor_week": ("false alarms per sensor and week", "score"),
}


def layout(report: Mapping[str, Any], class_names: tuple[str, ...] = ()) -> Layout:
    """Return what the page of a report of forecasts shows."""
    unit = f", {report['unit']}" if report["unit"] else ""
    meanings = _meanings(report["horizons"], unit)
    return Layout(
        _cards(report, unit),
        meanings,
        lower=tuple(name for name in meanings if name != "coverage"),
        lists_metrics=False,  # the first tables show them with those of the baselines
        tables=_tables(report),
        charts=(
            Chart("Error by step", "by_step", "minutes", "mae", "minutes ahead", f"MAE of that step{unit}"),
        ),
        sections=_warning_sections(report),
        images=report.get("images") or {},
        legend=(("", "black: measured; blue: forecast with its interval; gray: the best baseline"),),
        curves={"val_loss": "validation loss", "loss": "training loss"},
        curve_note="Pinball loss after each epoch.",
    )


def _meanings(names: list[str], unit: str) -> dict[str, str]:
    return {
        **{f"mae_{name}": f"mean absolute error over all steps up to {name}{unit}" for name in names},
        **{f"rmse_{name}": f"root mean squared error over all steps up to {name}{unit}" for name in names},
        **{f"mape_{name}": "mean absolute error as a share of the value" for name in names},
        "coverage": "share of the measured values within the interval",
    }


def _cards(report: Mapping[str, Any], unit: str) -> tuple[Card, ...]:
    first, last = report["horizons"][0], report["horizons"][-1]
    low, high = report["interval"]
    gain = f"less error than the best baseline ({report['best_baseline']}), {last}"
    return (
        Card(f"mae_{first}", f"MAE, {first}", f"mean absolute error{unit}"),
        Card(f"mae_{last}", f"MAE, {last}", f"mean absolute error{unit}"),
        Card("gain", "gain", gain, "share"),
        Card("coverage", "coverage", f"of the interval, nominal {100 * (high - low):g} %", "share"),
    )


def _tables(report: Mapping[str, Any]) -> tuple[Table, ...]:
    names = report["horizons"]
    errors: dict[str, tuple[str, ShownAs]] = {
        f"{metric}_{name}": (f"{metric.upper()} {name}", "score")
        for metric in ("mae", "rmse")
        for name in names
    }
    return (
        Table(
            "Comparison with baselines",
            "models",
            errors,
            "Errors over all steps up to each horizon, where a value was measured. A model that does not beat the "
            "rows above it is not worth using.",
        ),
        Table(
            "Relative errors",
            "models",
            {f"mape_{name}": (f"MAPE {name}", "share") for name in names},
            "Without values under a hundredth of the mean.",
        ),
        Table(
            "Worst sensors",
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
    rules = (report.get("early_warning") or {}).get("rules") or {}
    if not rules:
        return ()
    return (
        Section(
            "Early warning",
            "early_warning",
            "Alarms raised from the forecast's probabilities, compared with two methods that need no model; alarms.txt "
            "lists each alarm.",
            tables=[
                Table(rule, pointer("early_warning", "rules", rule, "by"), ALARM_COLUMNS) for rule in rules
            ],
        ),
    )
