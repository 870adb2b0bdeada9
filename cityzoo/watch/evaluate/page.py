"""Page of an evaluated watch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cityzoo.report.layout import Card, Chart, Columns, Layout, Section, Table

COUNTS: Columns = {
    "true": ("true", "count"),
    "counted": ("counted", "count"),
    "error": ("error", "count"),
    "relative": ("relative error", "share"),
}
INTERVALS: Columns = {
    "time": ("from", "text"),
    **COUNTS,
    "low": ("low", "count"),
    "high": ("high", "count"),
    "geh": ("GEH", "score"),
}
METHODS: Columns = {
    **COUNTS,
    "mean_interval_error": ("error per interval", "score"),
    "worst_interval": ("worst interval", "share"),
    "recall": ("recall", "score"),
    "precision": ("precision", "score"),
}
INCIDENTS: Columns = {
    "kind": ("kind", "text"),
    "from": ("from", "text"),
    "until": ("until", "text"),
    "seconds_to_alarm": ("seconds to alarm", "score"),
    "alarms": ("alarms", "count"),
}
ALARMS: Columns = {
    "kind": ("kind", "text"),
    "time": ("time", "text"),
    "rule": ("rule", "text"),
    "evidence": ("evidence", "link"),
}
RATES: Columns = {
    "sensor": ("direction", "text"),
    "counted": ("counted", "count"),
    "missed": ("missed", "count"),
    "extra": ("extra", "count"),
    "ratio": ("vehicles per counted one", "score"),
    "interval": ("95 % interval", "interval"),
}


def layout(report: Mapping[str, Any]) -> Layout:
    """Return what the page of an evaluated watch shows."""
    return Layout(
        (
            Card("counts/relative", "count error", "of all crossings, relative to the truth", "share"),
            Card("worst_interval", "worst interval", "largest relative error of an interval", "share"),
            Card("crossings/recall", "recall", "share of the true crossings that were counted within 1 s"),
            Card("crossings/precision", "precision", "share of the counted crossings that are true"),
            Card("alarms/found_soon", "incidents found", "within 5 s", "count"),
            Card("alarms/false", "false alarms", "in the time watched", "count"),
        ),
        {},
        sections=(
            Section("Timeline", "by_interval", images={"timeline": "Counts, incidents and alarms"}),
            _counts(),
            _baselines(),
            _alarms(),
            _tracks(),
            _calibration(),
        ),
    )


def _counts() -> Section:
    return Section(
        "Counts",
        "counts",
        "Errors of a total hide errors that cancel: the intervals show them.",
        tables=(
            Table(
                "By direction", "directions", {**COUNTS, "geh": ("GEH", "score")}, "GEH of the flow per hour."
            ),
            Table("By class", "classes", COUNTS),
            Table("By interval", "by_interval", INTERVALS),
        ),
        charts=(
            Chart(
                "Counted and true",
                "intervals_chart",
                "true",
                "counted",
                "true count of an interval",
                "counted",
                "One point per interval; points on the gray line are exact.",
                style="points",
                diagonal=True,
            ),
        ),
        remarks=(
            "Of the intervals, {covered_share|share} have the truth between low and high.",
            "GEH is below 5 in {geh_below_5_share|share} of the intervals, as flows per hour.",
            "Of the matched crossings, {crossings/class_accuracy|share} have the true class; a crossing is reported "
            "{crossings/median_delay_seconds|signed} s from its true time (median).",
        ),
    )


def _baselines() -> Section:
    note = "The same frames without a tracker, and without a detector. Computed wherever the video is there."
    return Section("Baselines", "methods", note, tables=(Table("Methods", "methods", METHODS),))


def _alarms() -> Section:
    return Section(
        "Incidents and alarms",
        "alarms",
        tables=(
            Table("Incidents", "alarms/incidents", INCIDENTS),
            Table("Alarms", "alarm_list", ALARMS, "Evidence is redacted."),
        ),
        remarks=(
            "{alarms/found|count} of {alarms/happened|count} incidents were found, {alarms/found_soon|count} of "
            "them within 5 s.",
            "False alarms per camera and day: {alarms/false_per_day|score}, 95 % interval of a Poisson rate "
            "{alarms/false_per_day_interval/0|score} to {alarms/false_per_day_interval/1|score}, after "
            "{alarms/hours|score} hours.",
        ),
    )


def _tracks() -> Section:
    return Section(
        "Tracks",
        "tracks",
        cards=(
            Card("tracks/HOTA", "HOTA", "detection and association together, mean over overlaps"),
            Card("tracks/DetA", "DetA", "detection alone"),
            Card("tracks/AssA", "AssA", "association alone: one vehicle, one id"),
            Card("tracks/IDF1", "IDF1", "share of the boxes with the right id"),
            Card("tracks/MOTA", "MOTA", "1 less the shares of missed boxes, false boxes and id switches"),
        ),
        remarks=("{tracks/id_switches|count} id switches.",),
    )


def _calibration() -> Section:
    note = "What a later count of this camera stands for: give calibration.json to watch --calibration."
    return Section("Calibration", "calibration", note, tables=(Table("Rates", "calibration", RATES),))
