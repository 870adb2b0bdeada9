"""The report of a forecasting run: the baselines first, then the model, by horizon, by sensor, in images."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cityzoo import tasks
from cityzoo.alarms.forecast_alarms import evaluate_alarms, write_alarms
from cityzoo.alarms.forecasts import Forecasts
from cityzoo.alarms.rules import Rule, check_rules, parse_rule
from cityzoo.data.series.series import Series
from cityzoo.data.series.windows import forecast, truth
from cityzoo.errors import InputError
from cityzoo.evaluation import forecast_baselines
from cityzoo.metrics import forecast_errors
from cityzoo.metrics.tgcn_protocol import TgcnProtocol
from cityzoo.report import pages, run_report
from cityzoo.report.forecast_card import model_card
from cityzoo.report.tensorboard import write_report_summaries
from cityzoo.report.write import write_report
from cityzoo.visualize import forecasts

if TYPE_CHECKING:
    import keras

    from cityzoo.outputs.quantile_forecast import Forecasting

LOG = logging.getLogger(__name__)
DAY = 86400


def protocol_for(series: Series, test: range, how: Forecasting) -> TgcnProtocol:
    """Return which windows judge, where something of the test rows can be judged.

    Raises:
        InputError: no test window of the whole horizon, or an alarm rule about what is not forecast.
    """
    check_rules(_rules(how), series.channels[:1], series.step_seconds, how.horizon)
    # A hair more than the share, so that rounding down gives that very row.
    protocol = TgcnProtocol(len(series), test.start / len(series) + 1e-12, how.history)
    if protocol.windows(how.horizon) < 1:
        raise InputError(
            f"{len(test)} test rows hold no window of {how.history} in and {how.horizon} out: give more rows, or "
            "another --split"
        )
    return protocol


def write(
    folder: Path,
    model: keras.Model,
    series: Series,
    protocol: TgcnProtocol,
    how: Forecasting,
    facts: dict[str, Any],
    seed: int,
) -> dict[str, Any]:
    """Judge a model beside the baselines on the test rows, write its report and alarms, and return the report.

    Args:
        folder: gets report.json, report.html, images, and with rules alarms.jsonl and alarms.txt.
        model: whole.
        series: the whole of it; rows before `protocol.first_test` are what baselines learn from.
        protocol: which windows judge.
        how: flags.
        facts: what is known of how the model was made.
        seed: of the run.

    """
    horizons = forecast_errors.default_horizons(how.horizon)
    origins = protocol.origins(horizons[0])
    LOG.info("judging %d windows of %d sensors", len(origins), len(series.sensors))
    values = series.values[..., 0].astype(np.float64)
    known = forecast_baselines.HistoryView(values, protocol.first_test, max(1, DAY // series.step_seconds))
    quantiles = forecast(model, series, origins)
    said = forecast_baselines.forecasts(known, origins, how.horizon)
    said[facts["backbone"]] = quantiles[..., how.quantiles.index(0.5)].astype(np.float64)
    report = {
        **facts,
        **_figures(series, protocol, how, said, quantiles, horizons, origins),
        **run_report.environment(seed),
    }
    if how.alarm:
        report["early_warning"] = _alarms(
            folder, _rules(how), series, how, origins, quantiles, said["time_of_day_mean"]
        )
    came = truth(series, origins, how.horizon)
    report["images"] = forecasts.draw_forecasts(folder, series, origins, came, quantiles, how, said)
    report["model_card"] = model_card(report, tasks.find(report["task"]).summary)
    layout = pages.find("forecast")(report, ())
    _, page = write_report(folder, report, layout)
    write_report_summaries(report, layout, folder / "logs")
    for warning in report.get("warnings", ()):
        LOG.warning("WARNING: %s", warning)
    LOG.info("%s", headline(report))
    LOG.info("report: %s", page)
    return report


def _rules(how: Forecasting) -> list[Rule]:
    return [parse_rule(rule) for rule in how.alarm]


def _figures(
    series: Series,
    protocol: TgcnProtocol,
    how: Forecasting,
    said: dict[str, np.ndarray],
    quantiles: np.ndarray,
    horizons: tuple[int, ...],
    origins: np.ndarray,
) -> dict[str, Any]:
    values, step = series.values[..., 0].astype(np.float64), series.step_seconds
    models = {
        name: forecast_errors.point_metrics(protocol, values, each, horizons, step)
        for name, each in said.items()
    }
    own = list(models)[-1]
    last = f"mae_{forecast_errors.format_horizon(horizons[-1], step)}"
    best = min((name for name in models if name != own), key=lambda name: models[name][last])
    came = truth(series, origins, how.horizon).astype(np.float64)
    return {
        **models[own],
        **{name: rows for name, rows in models.items() if name != own},
        "models": models,
        "horizons": [forecast_errors.format_horizon(horizon, step) for horizon in horizons],
        "best_baseline": best,
        "gain": 1 - models[own][last] / models[best][last],
        "coverage": forecast_errors.coverage(came, quantiles),
        "interval": [how.quantiles[0], how.quantiles[-1]],
        "by_step": forecast_errors.errors_by_step(came, said, step),
        "worst_sensors": forecast_errors.worst_sensors(came, said[own], said[best], series.sensors),
        "unit": series.units[0],
        "channel": series.channels[0],
        "split": "test",
        "test": _span(series, protocol),
        "n_windows": len(origins),
        "n_sensors": len(series.sensors),
    }


def _span(series: Series, protocol: TgcnProtocol) -> dict[str, Any]:
    first, last = protocol.first_test, protocol.rows - 1
    begun, ended = (str(series.local_times[row]).replace("T", " ")[:16] for row in (first, last))
    return {"first": first, "last": last, "from": begun, "to": ended, "timezone": series.timezone}


def _alarms(
    folder: Path,
    rules: list[Rule],
    series: Series,
    how: Forecasting,
    origins: np.ndarray,
    quantiles: np.ndarray,
    usual: np.ndarray,
) -> dict[str, Any]:
    channel = series.channels[0]
    forecasts = {channel: Forecasts(quantiles, how.quantiles, series.times[origins])}
    truth_rows = series.rows(range(int(origins[0]), min(int(origins[-1]) + how.horizon + 1, len(series))))
    found = evaluate_alarms(rules, forecasts, truth_rows, {channel: usual})
    written = write_alarms(folder, rules, forecasts, truth_rows)
    LOG.info("alarms: %s", written[1])
    kept = ("channel", "unit", "sensors", "from", "to")
    return {
        "probability": found["probability"],
        "rules": {
            rule["rule"]: {
                **{name: rule[name] for name in kept},
                "by": {
                    "persistence": rule["persistence"],
                    "time_of_day_mean": rule["time_of_day_mean"],
                    "model": rule["model"],
                },
            }
            for rule in found["rules"]
        },
    }


def headline(report: dict[str, Any]) -> str:
    """Return the main figures in a line or two."""
    shown = [
        f"MAE {report[f'mae_{name}']:.3f} RMSE {report[f'rmse_{name}']:.3f} at {name}"
        for name in report["horizons"]
    ]
    best = report["best_baseline"]
    beaten = [report[f"mae_{name}"] < report["models"][best][f"mae_{name}"] for name in report["horizons"]]
    verdict = "better" if all(beaten) else "NOT better" if not any(beaten) else "better at some horizons"
    return (
        f"test, {report['n_windows']} windows, {report['n_sensors']} sensors: {', '.join(shown)}; {verdict} than "
        f"{best} "
        f"({', '.join(format(report['models'][best][f'mae_{name}'], '.3f') for name in report['horizons'])}); "
        f"interval holds {100 * report['coverage']:.0f} %"
    )
