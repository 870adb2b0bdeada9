"""The report of the loop: one page that shows what its plans would have changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cityzoo.loop.forecasts import arm_flows
from cityzoo.loop.page import layout
from cityzoo.loop.shadow import ORACLE, Loop, ShadowDay
from cityzoo.report.write import write_report
from cityzoo.traffic_signals.compare import FIXED, FORECAST, TIME_OF_DAY
from cityzoo.traffic_signals.junction import ARMS
from cityzoo.traffic_signals.plans import running_plans
from cityzoo.traffic_signals.table import format_clock

LOOP = "loop"
PLANS = {FIXED: FIXED, TIME_OF_DAY: TIME_OF_DAY, FORECAST: LOOP, ORACLE: ORACLE}  # as simulated -> as shown


def write_loop_report(loop: Loop, days: Sequence[ShadowDay], folder: Path) -> Path:
    """Write report.json and report.html into a folder, and return the page."""
    report = loop_report(loop, days)
    return write_report(folder, report, layout(report))[1]


def loop_report(loop: Loop, days: Sequence[ShadowDay]) -> dict[str, Any]:
    """Return the numbers of the page; delays in seconds per vehicle, flows in vehicles per hour."""
    delays = {shown: _mean_delay(days, name) for name, shown in PLANS.items()}
    hours = range(*loop.setting.hours)
    worse = [f"{day.day} {hour}-{hour + 1} h" for day in days for hour in hours if day.hour(hour).worse]
    shown = [decision for day in days for decision in loop.known.select_hours(day.decisions)]
    worse_days = [str(day.day) for day in days if _delay(day, FORECAST) > _delay(day, FIXED)]
    return {
        "task": "loop: from camera counts to signal plans",
        "examples": "days",
        "n_days": len(days),
        "delay": delays,
        "gain": 1 - delays[LOOP] / delays[FIXED],
        "worse_days": len(worse_days),
        "worse_hours": len(worse),
        "hours": len(days) * len(hours),
        "applied": float(np.mean([decision.applied for decision in shown])),
        "reasons": dict(Counter(decision.why.split(":")[0] for decision in shown if not decision.applied)),
        "fixed_plan": str(loop.fixed),
        "forecast": _forecast_errors(loop, days),
        "arms": _arms(loop, days),
        "days": {str(day.day): _row(loop, day) for day in days},
        "hourly": _hourly(days, hours),
        "flows": _flows(loop, days[-1]),
        "plans": _plans(loop, days[-1]),
        "last_day": str(days[-1].day),
        "warnings": _warnings(worse_days, worse),
    }


def _delay(day: ShadowDay, name: str) -> float:
    return round(day.measured[name].mean_delay(), 1)


def _mean_delay(days: Sequence[ShadowDay], name: str) -> float:
    """Return the mean over all vehicles of all days."""
    return round(float(np.concatenate([day.measured[name].delay for day in days]).mean()), 1)


def _row(loop: Loop, day: ShadowDay) -> dict[str, Any]:
    shown = loop.known.select_hours(day.decisions)
    return {
        "weekday": f"{day.day:%A}",
        **{name: _delay(day, simulated) for simulated, name in PLANS.items()},
        "applied": sum(decision.applied for decision in shown),
        "worse_hours": sum(day.hour(hour).worse for hour in range(*loop.setting.hours)),
        "vehicles": day.measured[FIXED].vehicles(),
    }


def _hourly(days: Sequence[ShadowDay], hours: range) -> dict[str, Any]:
    chart = {}
    for name, shown in PLANS.items():
        means = [
            np.nanmean([day.measured[name].mean_delay((hour, hour + 1)) for day in days]) for hour in hours
        ]
        chart[shown] = {"hour": [hour + 0.5 for hour in hours], "delay": [float(mean) for mean in means]}
    return chart


def _forecast_errors(loop: Loop, days: Sequence[ShadowDay]) -> dict[str, Any]:
    """Return errors of the flows one period ahead against the vehicles that really came, in the simulated hours."""
    real = loop.real.days.flows(loop.setting.period).sum(axis=-1)
    errors: dict[str, list[Any]] = {"mae": [], "mae_last_period": [], "mae_counts": [], "below_upper": []}
    counted = arm_flows(loop.setting.counts.values, loop.setting.period)
    for day in days:
        index = loop.known.days.dates.index(day.day)
        before = np.concatenate([counted[index - 1, -1:], counted[index, :-1]])
        select, truth = loop.real.select_hours, real[index]
        errors["mae"].append(np.abs(select(day.forecast.flows - truth)))
        errors["mae_last_period"].append(np.abs(select(before - truth)))
        errors["mae_counts"].append(np.abs(select(counted[index] - truth)))
        errors["below_upper"].append(select(truth <= day.forecast.upper))
    return {
        "source": days[-1].forecast.source,
        **{name: round(float(np.nanmean(np.concatenate(parts))), 3) for name, parts in errors.items()},
    }


def _arms(loop: Loop, days: Sequence[ShadowDay]) -> dict[str, Any]:
    counts, real = loop.setting.counts, loop.setting.truth
    chosen = [counts.dates.index(day.day) for day in days]
    rows = {}
    for arm, name in enumerate(ARMS):
        seen = counts.is_observed[chosen][..., arm]
        low, value, high = (
            np.nansum(each[chosen][..., arm]) for each in (counts.low, counts.values, counts.high)
        )
        rows[name] = {
            "sensors": ", ".join(counts.sensors[name]),
            "counted": round(value),
            "interval": [round(low), round(high)],
            "observed": float(seen.mean()),
        }
        if real is not None:
            rows[name]["real"] = int(real.counts[chosen].sum(axis=-1)[..., arm][seen].sum())
            rows[name]["error"] = value / rows[name]["real"] - 1
    return rows


def _flows(loop: Loop, day: ShadowDay) -> dict[str, Any]:
    """Return the flows of each arm on a day over the hours."""
    index = loop.known.days.dates.index(day.day)
    period = loop.setting.period
    hour = (np.arange(1440 // period) + 0.5) * period / 60
    counted = arm_flows(loop.setting.counts.values, period)[index]
    real = loop.real.days.flows(period)[index].sum(axis=-1)
    charts = {}
    for arm, name in enumerate(ARMS):
        lines = {
            "forecast": day.forecast.flows,
            "upper": day.forecast.upper,
            "counted": counted,
            "came": real,
        }
        if loop.setting.truth is None:
            del lines["came"]
        charts[name] = {
            line: {"hour": hour[keep], "flow": values[keep, arm]}
            for line, values in lines.items()
            for keep in [np.isfinite(values[:, arm])]
        }
    return charts


def _plans(loop: Loop, day: ShadowDay) -> dict[str, Any]:
    running = loop.known.select_hours(running_plans(day.decisions, loop.fixed))
    rows = {}
    for decision, plan in zip(loop.known.select_hours(day.decisions), running, strict=True):
        rows[format_clock(decision.start)] = {
            "plan": str(plan),
            "expected": round((decision.expected if decision.applied else decision.expected_fixed)[0], 1),
            "fixed": round(decision.expected_fixed[0], 1),
            "why": "applied" if decision.applied else decision.why,
        }
    return rows


def _warnings(days: Sequence[str], hours: Sequence[str]) -> list[str]:
    found = [f"the loop was worse than the fixed plan on {', '.join(days)}: do not use it"] if days else []
    if hours:
        more = f" and {len(hours) - 5} more" if len(hours) > 5 else ""
        found.append(f"worse than the fixed plan in these hours: {', '.join(hours[:5])}{more}")
    return found
