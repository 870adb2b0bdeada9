"""Contents of the page of the loop."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cityzoo.report.layout import Card, Chart, Columns, Layout, Section, Table
from cityzoo.traffic_signals.junction import ARMS

CARDS = (
    Card("delay/loop", "loop", "simulated delay, seconds per vehicle", "count"),
    Card("delay/fixed", "fixed plan", "the same vehicles with the plan that runs today", "count"),
    Card("gain", "less delay", "than with the fixed plan", "share"),
    Card("worse_hours", "hours worse", "than with the fixed plan where the loop changed it", "count"),
    Card("applied", "of the periods", "with a plan of the loop; else the fixed plan", "share"),
)
DELAYS: Columns = {
    "weekday": ("", "text"),
    **{name: (name, "count") for name in ("fixed", "time of day", "loop", "oracle")},
    "applied": ("periods with a plan of the loop", "count"),
    "worse_hours": ("hours worse", "count"),
}
DELAY = Section(
    "Delay",
    "days",
    "Seconds that a vehicle loses. The oracle knows the flow of each period in advance.",
    tables=(Table("By day", "days", DELAYS),),
    charts=(Chart("By hour", "hourly", "hour", "delay", "hour of the day", "delay, seconds per vehicle"),),
)
COUNTED: Columns = {
    "counted": ("counted", "count"),
    "interval": ("from .. to", "interval"),
    "observed": ("observed", "share"),
}
CAME: Columns = {"real": ("came", "count"), "error": ("error", "share")}
FORECAST = Section(
    "Forecast",
    "forecast",
    cards=(
        Card("forecast/mae", "error", "mean of an arm one period ahead, vehicles per hour", "count"),
        Card("forecast/mae_last_period", "last period", "error if it were repeated", "count"),
        Card(
            "forecast/below_upper",
            "below the upper quantile",
            "of the periods; at least 90 % are meant to be",
            "share",
        ),
    ),
    charts=tuple(
        Chart(f"From {arm}", f"flows/{arm}", "hour", "flow", "hour of the day", "vehicles per hour")
        for arm in ARMS
    ),
    remarks=("By {forecast/source|text}; on {last_day|text}.",),
)
PLAN: Columns = {
    "plan": ("plan", "text"),
    "expected": ("expected, s", "count"),
    "fixed": ("with fixed, s", "count"),
    "why": ("why", "text"),
}
PLANS = Section(
    "What the plans would have changed",
    "plans",
    "On the last day: cycle and greens, and the delay that the formula expects.",
    tables=(
        Table("Why the fixed plan stayed, periods of all days", "reasons", {"": ("", "count")}),
        Table("Period by period", "plans", PLAN),
    ),
)


def layout(report: Mapping[str, Any]) -> Layout:
    """Return the contents of the page of a report of the loop."""
    is_known = "error" in report["arms"][ARMS[0]]
    counts = Section(
        "Counts",
        "arms",
        "What the cameras counted on these days, with the limits of its error"
        + (", and what came in the time that they saw." if is_known else "."),
        tables=(Table("By arm", "arms", {**COUNTED, **(CAME if is_known else {})}),),
    )
    return Layout(
        cards=CARDS,
        meanings={},
        remark="Nothing was switched: plans were made from camera counts and simulated in SUMO. Fixed plan: "
        "{fixed_plan|text}. Hours compared: {hours|count}.",
        sections=(DELAY, counts, FORECAST, PLANS),
    )
