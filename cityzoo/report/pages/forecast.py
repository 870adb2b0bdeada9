"""What the page of a forecasting run shows."""

from __future__ import annotations

from typing import Any

from cityzoo.metrics.keys import pointer
from cityzoo.report.layout import Card, Chart, Layout, Section, Table

ALARM_COLUMNS = {
    "alarms": ("alarms", "count"),
    "precision_in_time": ("right and in time", "share"),
    "recall_in_time": ("events warned of", "share"),
    "lead_hours/median": ("lead, hours", "score"),
    "false_alarms_per_sensor_week": ("false, a sensor and week", "score"),
}


def forecast_layout(report: dict[str, Any]) -> Layout:
    """Return what a page shows of a report of forecasts; baselines are the first rows of the first table."""
    of = f", {report['unit']}" if report["unit"] else ""
    meanings = _meanings(report["horizons"], of)
    return Layout(
        _cards(report, of),
        meanings,
        lower=tuple(name for name in meanings if name != "coverage"),
        lists_figures=False,  # the first tables say them, beside the baselines
        tables=_tables(report),
        charts=(
            Chart(
                "Step by step", "by_step", "minutes", "mae", "minutes ahead", f"MAE of that step alone{of}"
            ),
        ),
        sections=_warning_sections(report),
        images=report.get("images") or {},
        legend=(("", "black: measured; blue: forecast, its interval shaded; grey: the best baseline"),),
        curves={"val_loss": "loss on val", "loss": "loss on train"},
        curve_note="Pinball loss after each epoch.",
    )


def _meanings(names: list[str], of: str) -> dict[str, str]:
    return {
        **{f"mae_{name}": f"mean absolute error over all steps up to {name}{of}" for name in names},
        **{f"rmse_{name}": f"root of the mean squared error, the same{of}" for name in names},
        **{f"mape_{name}": "mean absolute error as a share of the value" for name in names},
        "coverage": "share of the measured values within the interval",
    }


def _cards(report: dict[str, Any], of: str) -> tuple[Card, ...]:
    first, last = report["horizons"][0], report["horizons"][-1]
    low, high = report["interval"]
    best = f"less error than the best baseline ({report['best_baseline']}), {last}"
    return (
        Card(f"mae_{first}", f"MAE, {first}", f"mean absolute error{of}"),
        Card(f"mae_{last}", f"MAE, {last}", f"mean absolute error{of}"),
        Card("gain", "gained", best, "share"),
        Card("coverage", "within", f"the interval, which shall hold {100 * (high - low):g} %", "share"),
    )


def _tables(report: dict[str, Any]) -> tuple[Table, ...]:
    names = report["horizons"]
    errors = {f"{f}_{name}": (f"{f.upper()} {name}", "score") for f in ("mae", "rmse") for name in names}
    sensors = {
        "mae": ("MAE", "score"),
        "mae_best_baseline": (f"MAE of {report['best_baseline']}", "score"),
        "bias": ("bias", "signed"),
        "n": ("values", "count"),
    }
    return (
        Table(
            "Beside the baselines",
            "models",
            errors,
            "Errors over all steps up to each horizon, where something was measured. What does not beat the rows above "
            "it is of no use.",
        ),
        Table(
            "The same as shares of the value",
            "models",
            {f"mape_{name}": (f"MAPE {name}", "share") for name in names},
            "Values under a hundredth of the mean are left out, of which shares say nothing.",
        ),
        Table("Worst sensors", "worst_sensors", sensors),
    )


def _warning_sections(report: dict[str, Any]) -> tuple[Section, ...]:
    rules = (report.get("early_warning") or {}).get("rules") or {}
    tables = [Table(rule, pointer("early_warning", "rules", rule, "by"), ALARM_COLUMNS) for rule in rules]
    if not rules:
        return ()
    return (
        Section(
            "Early warning",
            "early_warning",
            "Alarms raised from the forecast's probabilities, beside two that need no model; alarms.txt has each in "
            "words.",
            tables=tables,
        ),
    )
