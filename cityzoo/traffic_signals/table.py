"""Comparison of signal plans as a text table, and as files: JSON, plans, counted and forecast flows."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cityzoo.traffic_signals.compare import ACTUATED, FIXED, FORECAST, TIME_OF_DAY, Comparison, Scene
from cityzoo.traffic_signals.forecast_file import write_flows
from cityzoo.traffic_signals.junction import ARMS
from cityzoo.traffic_signals.plans import Decision, running_plans
from cityzoo.traffic_signals.sumo import SimulationResult

PARTS = {"0-6": (0, 6), "6-10": (6, 10), "10-15": (10, 15), "15-19": (15, 19), "19-24": (19, 24)}
WIDTH = 8


def format_table(scene: Scene, comparison: Comparison) -> str:
    """Return the comparison as a table with remarks."""
    day = scene.days.dates[-1]
    hours = "" if scene.hours == (0, 24) else f", {scene.hours[0]}-{scene.hours[1]} h"
    head = ["all", *PARTS, "stops", "queue", "applied"]
    lines = [
        f"{day:%A} {day}{hours}; {scene.days.incidents[-1]}",
        "",
        f"{'mean delay, s/veh':<18}" + "".join(f"{name:>{WIDTH}}" for name in head),
    ]
    shown = scene.select_hours(comparison.decisions)
    count = f"{sum(decision.applied for decision in shown)}/{len(shown)}"
    for name, measured in comparison.measured.items():
        applied = f"{count:>{WIDTH}}" if name == FORECAST else ""
        lines.append(f"{name:<18}{_row(measured)}{applied}")
    any_run = comparison.measured[FIXED]
    counts = [any_run.vehicles(part) for part in ((0, 24), *PARTS.values())]
    lines += [f"{'vehicles':<18}" + "".join(f"{count:>{WIDTH},}" for count in counts), ""]
    return "\n".join([*lines, *_remarks(scene, comparison), ""])


def _row(measured: SimulationResult) -> str:
    delays = [measured.mean_delay(part) for part in ((0, 24), *PARTS.values())]
    cells = ["-" if math.isnan(delay) else f"{delay:.1f}" for delay in delays]
    cells += [f"{measured.stops.mean():.2f}", str(measured.longest_queue)]
    return "".join(f"{cell:>{WIDTH}}" for cell in cells)


def _remarks(scene: Scene, comparison: Comparison) -> list[str]:
    delays = {name: measured.mean_delay() for name, measured in comparison.measured.items()}
    others = [name for name in delays if name != FORECAST]
    against = ", ".join(f"{100 * (delays[FORECAST] / delays[name] - 1):+.1f} % of {name}" for name in others)
    errors = forecast_errors(scene, comparison)
    lines = [
        f"delay with the forecast compared with the others: {against}",
        f"fixed plan: {comparison.fixed}; forecast: {comparison.forecast.source}",
        f"mean error of an arm's flow, veh/h: {', '.join(f'{name} {errors[name]:.0f}' for name in errors)}",
        *_kept(scene.select_hours(comparison.decisions)),
        *_worse_hours(scene, comparison),
    ]
    for name, measured in comparison.measured.items():
        if measured.unfinished:
            lines.append(f"{name}: {measured.unfinished} vehicles still on the road 2 h after the end")
    if errors["forecast"] > errors["time-of-day mean"]:
        lines.append("the forecast has a larger error than the time-of-day mean: improve the forecast first")
    better = [name for name in (TIME_OF_DAY, ACTUATED) if delays[name] <= delays[FORECAST]]
    lines += [f"{name}, without a forecast, is as good or better" for name in better]
    result = "released: no worse than fixed" if comparison.released else "NOT released, fixed stays"
    return [*lines, f"result: the plan with the forecast is {result}"]


def _kept(decisions: Sequence[Decision]) -> list[str]:
    """Return the periods that kept the fixed plan, by reason, and those with more traffic than capacity."""
    starts: dict[str, list[str]] = {}
    for decision in decisions:
        if not decision.applied:
            reason = f"fixed kept, {decision.why.split(':')[0]}"
            starts.setdefault(reason, []).append(format_clock(decision.start))
        if decision.proposed.oversaturated:
            starts.setdefault("oversaturated, cycle capped", []).append(format_clock(decision.start))
    return [f"{what}: {_few(words)}" for what, words in starts.items()]


def _worse_hours(scene: Scene, comparison: Comparison) -> list[str]:
    """Return the hours that were worse than fixed, and the largest difference between hours with the same plan."""
    hours = {number: comparison.hour(number) for number in range(*scene.hours)}
    lines = [
        f"WORSE than fixed at {number}-{number + 1} h in simulation: {hour.delay:.1f} s/veh, fixed {hour.fixed:.1f}"
        for number, hour in hours.items()
        if hour.worse
    ]
    same = [abs(hour.delay - hour.fixed) for hour in hours.values() if hour.applied == 0 and hour.delay >= 0]
    if same and max(same) > 0:
        lines.append(f"noise: hours with the fixed plan in both runs differ by up to {max(same):.1f} s/veh")
    return lines


def _few(words: list[str]) -> str:
    return ", ".join(words[:6]) + (f" and {len(words) - 6} more" if len(words) > 6 else "")


def format_clock(minute: int) -> str:
    """Return a minute of the day as a time.

    Example:
        >>> format_clock(435)
        '07:15'
    """
    return f"{minute // 60:02d}:{minute % 60:02d}"


def forecast_errors(scene: Scene, comparison: Comparison) -> dict[str, float]:
    """Return the mean absolute error of the arms' flows, veh/h, of the forecast and of two simple methods.

    Only the simulated hours count. The period before the first one is the last of the day before.
    """
    flows = scene.days.flows(scene.period).sum(axis=-1)
    observed = flows[-1]
    before = np.vstack([flows[-2][-1:], observed[:-1]])
    usual = flows[scene.days.past_of_kind(-1)].mean(axis=0)
    guesses = {"forecast": comparison.forecast.flows, "time-of-day mean": usual, "last period": before}
    errors = {name: scene.select_hours(np.abs(guess - observed)) for name, guess in guesses.items()}
    return {name: float(np.mean(error)) for name, error in errors.items()}


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


def write_results(scene: Scene, comparison: Comparison, folder: Path) -> None:
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
            start, name = format_clock(decision.start), FORECAST if applied else FIXED
            result = [*delays, decision.proposed.oversaturated, why]
            writer.writerow([start, name, plan.cycle, *plan.greens, *result])
