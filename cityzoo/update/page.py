"""The page of all cycles, with links to reports and logs."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cityzoo.report.layout import Card, Chart, Columns, Layout, Section, Table
from cityzoo.report.write import write_report
from cityzoo.update.cycle import Cycle, read_cycles
from cityzoo.update.plan import Plan
from cityzoo.update.steps import PROMOTED, REFUSED, ROLLED_BACK

FILES = ("cycles.json", "index.html")
CYCLES: Columns = {
    "state": ("state", "text"),
    "new": ("new", "count"),
    "drift": ("drift", "text"),
    "labeled": ("labeled", "count"),
    "relearned": ("of refused cycles", "count"),
    "metric": ("metric", "name"),
    "before": ("before", "score"),
    "after": ("after", "score"),
    "interval": ("gain, 95 %", "interval"),
    "gate": ("gate", "text"),
    "version": ("version", "count"),
}
REPORTS: Columns = {"drift": ("drift", "link"), "selection": ("selection", "link"), "run": ("run", "link")}
STEPS: Columns = {
    "status": ("status", "text"),
    "started": ("started, UTC", "text"),
    "seconds": ("time", "duration"),
    "exit_code": ("exit code", "count"),
    "log": ("log", "link"),
    "message": ("", "text"),
}
LAYOUT = Layout(
    cards=(
        Card("n_cycles", "cycles", "begun", "count"),
        Card("promoted", "promoted", "their model became the stable version", "count"),
        Card("refused", "refused", "by the gate, or rolled back", "count"),
        Card("examples_labeled", "labeled", "examples in all cycles", "count"),
    ),
    meanings={},
    subtitle="From new data to a model in service: one row for each cycle.",
    remark="{now|text}",
    headline=Table(
        "Cycles",
        "cycles",
        CYCLES,
        "The newest first. Metrics are measured on the held-out part of a cycle's own labels: of the run in service "
        "before, and of the new one.",
    ),
    sections=(
        Section("Reports", "reports", tables=(Table("Of each cycle", "reports", REPORTS),)),
        Section(
            "Metric on the new data",
            "curves",
            "A point for each cycle that reached the gate.",
            charts=(Chart("Before and after", "curves", "x", "y", "cycle", "metric", from_zero=False),),
        ),
        Section("Steps", "steps", tables=(Table("Steps of all cycles", "steps", STEPS, most=60),)),
    ),
)


def write_page(plan: Plan) -> Path:
    """Write cycles.json and index.html into the folder of the cycles, and return the page."""
    cycles = read_cycles(plan.cycles)
    return write_report(plan.cycles, describe_cycles(plan, cycles), LAYOUT, FILES)[1]


def describe_cycles(plan: Plan, cycles: Sequence[Cycle]) -> dict[str, Any]:
    """Return the numbers of the page."""
    newest = list(reversed(cycles))
    return {
        "task": f"Updates of {Path(plan.sources.run).name}",
        "examples": "cycles",
        "n_cycles": len(cycles),
        "promoted": sum(cycle.outcome == PROMOTED for cycle in cycles),
        "refused": sum(cycle.outcome in (REFUSED, ROLLED_BACK) for cycle in cycles),
        "examples_labeled": sum(cycle.results.get("labeled", 0) for cycle in cycles),
        "now": _describe_state(newest[0]) if newest else "no cycle yet",
        "cycles": {cycle.name: _row(plan, cycle) for cycle in newest},
        "reports": {cycle.name: _links(plan, cycle) for cycle in newest},
        "steps": {
            f"{cycle.name} {name}": _step_row(plan, cycle, name)
            for cycle in newest
            for name in reversed(cycle.steps)
        },
        "curves": _curves(cycles),
    }


def _describe_state(cycle: Cycle) -> str:
    last = next(reversed(cycle.steps), "collect")
    state = cycle.steps.get(last)
    detail = f", {state.status}: {state.message}" if state and state.message else ""
    return f"Cycle {cycle.name}: {cycle.outcome or f'step {last}{detail}'}."


def _row(plan: Plan, cycle: Cycle) -> dict[str, Any]:
    found, last = cycle.results, next(reversed(cycle.steps), "")
    reasons = "; ".join(found.get("reasons") or ())
    is_measured = "gate" in cycle.steps and "reasons" in found
    return {
        **{name: found.get(name) for name in CYCLES},
        "state": cycle.outcome or (f"{last}: {cycle.steps[last].status}" if last else "begun"),
        "drift": None
        if "drift" not in found
        else f"{len(found['changed'])} changed"
        if found["drift"]
        else "none",
        "gate": (f"{cycle.outcome}: {reasons}" if reasons else "passed") if is_measured else None,
    }


def _links(plan: Plan, cycle: Cycle) -> dict[str, str | None]:
    folders = cycle.plan.get("select") or {}
    places = [plan.root / folders[key] / cycle.name for key in ("to", "labeled") if key in folders]
    return {
        "drift": _link(plan, cycle.folder / "drift" / "report.html"),
        "selection": _link(plan, *(place / "report.html" for place in places)),
        "run": _link(plan, *cycle.folder.glob(f"*-{cycle.name}/report.html")),
    }


def _link(plan: Plan, *files: Path) -> str | None:
    return next((os.path.relpath(file, plan.cycles) for file in files if file.is_file()), None)


def _step_row(plan: Plan, cycle: Cycle, name: str) -> dict[str, Any]:
    from datetime import datetime

    state = cycle.steps[name]
    times = [datetime.fromisoformat(time) for time in (state.started, state.ended) if time]
    return {
        "status": state.status,
        "started": state.started[:16].replace("T", " ").removeprefix(f"{cycle.started[:10]} "),
        "seconds": (times[1] - times[0]).total_seconds() if len(times) == 2 else None,
        "exit_code": state.exit_code,
        "log": _link(plan, cycle.folder / state.log) if state.log else None,
        "message": state.message,
    }


def _curves(cycles: Sequence[Cycle]) -> dict[str, Any]:
    rows = [
        (number, cycle.results)
        for number, cycle in enumerate(cycles, 1)
        if cycle.results.get("before") is not None and cycle.results.get("after") is not None
    ]
    lines = {
        name: {"x": [number for number, _ in rows], "y": [row[name] for _, row in rows]}
        for name in ("before", "after")
    }
    return lines if len(rows) > 1 else {}
