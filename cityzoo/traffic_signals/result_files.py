"""Comparison of signal plans as files: JSON, plans, counted and forecast flows."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from cityzoo.traffic_signals.compare import FIXED, FORECAST, Comparison, Scene
from cityzoo.traffic_signals.forecast_file import write_flows
from cityzoo.traffic_signals.junction import ARMS
from cityzoo.traffic_signals.plans import running_plans
from cityzoo.traffic_signals.table import forecast_errors, format_clock


def as_dict(scene: Scene, comparison: Comparison) -> dict[str, Any]:
    """Return the comparison for JSON; delays in s/veh, None for NaN."""
    plans = {}
    for name, measured in comparison.measured.items():
        by_hour = [measured.mean_delay((hour, hour + 1)) for hour in range(24)]
        plans[name] = {
            "mean_delay": round(measured.mean_delay(), 3),
            "by_hour": [None if math.isnan(delay) else round(delay, 3) for delay in by_hour],
            "stops": round(float(measured.stops.mean()), 3),
            "longest_queue": measured.longest_queue,
            "unfinished": measured.unfinished,
        }
    shown = scene.select_hours(comparison.decisions)
    return {
        "day": str(scene.days.dates[-1]),
        "hours": list(scene.hours),
        "seed": scene.days.seed,
        "period_minutes": scene.period,
        "incident": scene.days.incidents[-1],
        "vehicles": comparison.measured[FIXED].vehicles(),
        "plans": plans,
        "fixed_plan": {"cycle": comparison.fixed.cycle, "greens": comparison.fixed.greens},
        "forecast": comparison.forecast.source,
        "flow_errors": {name: round(error, 2) for name, error in forecast_errors(scene, comparison).items()},
        "periods": len(shown),
        "applied": sum(decision.applied for decision in shown),
        "blocked_hours": comparison.blocked,
        "worse_hours": [number for number in range(*scene.hours) if comparison.hour(number).worse],
        "released": comparison.released,
    }


def write(scene: Scene, comparison: Comparison, folder: Path) -> None:
    """Write signals.json, plan.csv, counts.csv (all days) and forecast.csv into a folder that exists.

    plan.csv has the plan of each period: the fixed one where the plan of the forecast is not applied or not released.
    """
    text = json.dumps(as_dict(scene, comparison), indent=2)
    (folder / "signals.json").write_text(text + "\n", encoding="utf-8")
    _write_plan(scene, comparison, folder / "plan.csv")
    days, forecast = scene.days, comparison.forecast
    write_flows(folder / "counts.csv", days.dates, ARMS, days.flows(scene.period).sum(axis=-1))
    both = np.concatenate([forecast.flows, forecast.upper], axis=1)[None]
    write_flows(folder / "forecast.csv", days.dates[-1:], [*ARMS, *(f"{arm}_upper" for arm in ARMS)], both)


def _write_plan(scene: Scene, comparison: Comparison, file: Path) -> None:
    greens = [f"green {name}" for name in scene.junction.phases]
    expected = ["expected s/veh", "fixed s/veh", "oversaturated"]
    running = running_plans(comparison.decisions, comparison.fixed)
    with file.open("w", newline="", encoding="utf-8") as opened:
        writer = csv.writer(opened)
        writer.writerow(["time", "plan", "cycle", *greens, *expected, "why"])
        for decision, plan in zip(comparison.decisions, running, strict=True):
            applied, why = decision.applied and comparison.released, decision.why
            if decision.applied and not comparison.released:
                plan, why = comparison.fixed, "not released: less delay with the fixed plan"
            delays = [round(decision.expected[0], 1), round(decision.expected_fixed[0], 1)]
            name = FORECAST if applied else FIXED
            row = [
                format_clock(decision.start),
                name,
                plan.cycle,
                *plan.greens,
                *delays,
                decision.proposed.oversaturated,
            ]
            writer.writerow([*row, why])
