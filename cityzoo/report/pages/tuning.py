"""Page of a search for settings: the answer, its estimate, trials, importance, agreement of rungs, commands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from cityzoo.report.layout import Card, Chart, Columns, Layout, Section, Table
from cityzoo.report.number_format import metric_label

UNITS = {"milliseconds": "ms", "megabytes": "MB"}
IMPORTANCE_NOTE = (
    "Share of the difference between good and other trials that each setting explains (PED-ANOVA, Watanabe et al. "
    "2023). With few trials it is a rough guide."
)
AGREEMENT_NOTE = (
    "Spearman's correlation over the trials that were trained to the end. Near 0, early results misled: search with "
    "--pruner none."
)


def tuning_layout(metric: str, objectives: Sequence[str], is_lower_better: bool) -> Layout:
    """Return the layout of a search.

    Args:
        metric: that is improved.
        objectives: the metric, then costs to lower.
        is_lower_better: whether the metric improves when it falls.
    """
    name = metric_label(metric)
    honest = f"{name} on examples that chose nothing"
    return Layout(
        [
            Card("difference/difference", "winner against defaults", honest, "signed"),
            Card("runs/winner/estimate", "winner", honest),
            Card("runs/defaults/estimate", "defaults", honest),
            Card("n_trials", "trials", "settings that were trained", "count"),
            Card("minutes", "minutes", "of all trials", "count"),
        ],
        {},
        lower=[metric] if is_lower_better else [],
        remark="{answer_text|text}. Price: {minutes|count} minutes, as long as {full_trainings|count} trainings with "
        "the defaults. {n_choosing|count} examples chose.",
        headline=_runs_table(name),
        sections=_sections(name, metric, objectives),
    )


def _runs_table(name: str) -> Table:
    columns: Columns = {
        "trial": ("trial", "count"),
        "estimate": (f"{name}, chose nothing", "score"),
        "interval": ("95 % interval", "interval"),
        "chosen_by": (f"{name} that chose it", "score"),
        "milliseconds": ("ms", "count"),
        "megabytes": ("MB", "count"),
        "seconds": ("training", "duration"),
    }
    return Table(
        "Estimate", "runs", columns, "What chose a winner flatters it: the first metric is the honest one."
    )


def _sections(name: str, metric: str, objectives: Sequence[str]) -> list[Section]:
    costs: Columns = {each: (UNITS[each], "score") for each in objectives[1:]}
    fresh: Columns = {"mean": ("mean", "score"), "interval": ("95 % interval of the mean", "interval")}
    settings: Columns = {"default": ("default", "text"), "winner": ("winner", "text")}
    agreement: Columns = {"correlation": ("rank correlation", "score"), "n": ("trials", "count")}
    trials: Columns = {
        "state": ("state", "text"),
        metric: (name, "score"),
        **costs,
        "seconds": ("time", "duration"),
        "changed": ("differs from the defaults in", "text"),
        "reason": ("reason", "text"),
    }
    best = Chart("Best so far", "history", "minutes", "best", "minutes", name, style="steps", from_zero=False)
    history = [best, replace(best, title="Finished trials", y="value", style="points")]
    lines = {"parallel_coordinates": "Settings of the finished trials: the darker, the better"}
    return [
        _section("Fresh seeds", "retrained", fresh),
        _section("Settings", "settings", settings),
        _section(
            "Trade-off: trials that no other one beats in everything",
            "pareto",
            {metric: (name, "score"), **costs},
        ),
        Section("History", "history", charts=history),
        _section("Importance of the settings", "importance", {"": ("share", "bar")}, IMPORTANCE_NOTE),
        Section("Trials", "trials", tables=[Table("All trials", "trials", trials, most=60)], images=lines),
        _section("Agreement of early and final results", "rung_agreement", agreement, AGREEMENT_NOTE),
        _section("Commands to go on", "commands", {"": ("command", "text")}),
    ]


def _section(title: str, key: str, columns: Columns, note: str = "") -> Section:
    return Section(title, key, note, tables=[Table("", key, columns)])
