"""More of a run in TensorBoard: tables, spec and command, HParams, and a layout of its curves."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cityzoo.metrics.keys import look_up
from cityzoo.report.layout import Layout, Table
from cityzoo.report.number_format import format_text, is_number
from cityzoo.report.pages.shared import SECTIONS
from cityzoo.report.tensorboard import FOLDER, varying_settings, write_settings

ROWS = 20  # of a table
CURVES = {
    "loss": "epoch_loss",
    "learning rate": "epoch_learning_rate",
}  # title -> tag, of train and validation


def write_run_summaries(
    report: Mapping[str, Any], layout: Layout, logs: str | Path, metrics: Sequence[str]
) -> None:
    """Add tables, spec, command, HParams and the layout of custom scalars to a run's `logs/report`.

    Args:
        report: contents of report.json, with the run's `spec` where there is one.
        layout: names the tables.
        logs: log folder of the run, which `write_report_summaries` has written to.
        metrics: the task's main ones.
    """
    import tensorflow as tf
    from tensorboard.plugins.custom_scalar import summary as custom_scalars

    folder = Path(logs) / FOLDER
    with tf.summary.create_file_writer(str(folder), filename_suffix=".run").as_default(step=0):
        tf.summary.text("run/command", f"    python train.py --config {Path(logs).parent.name}/spec.json")
        settings = report.get("spec") or {}
        spec = json.dumps(settings, indent=1, default=str)
        tf.summary.text("run/spec", "\n".join("    " + line for line in spec.splitlines()))
        for title, rows in _tables(report, layout).items():
            tf.summary.text(f"tables/{title}", rows)
        name = Path(logs).parent.name
        write_settings(name, varying_settings({name: settings})[name])
        tf.summary.experimental.write_raw_pb(
            custom_scalars.pb(scalar_layout(metrics)).SerializeToString(), step=0
        )


def scalar_layout(metrics: Sequence[str]) -> Any:
    """Return TensorBoard's custom-scalars layout: loss, learning rate and each metric, of training and validation.

    Args:
        metrics: the main ones, a chart each.

    Returns:
        `tensorboard.plugins.custom_scalar.layout_pb2.Layout`.
    """
    from tensorboard.plugins.custom_scalar import layout_pb2 as pb

    tags = {**CURVES, **{name: f"epoch_{name}" for name in metrics if name != "loss"}}
    charts = [
        pb.Chart(title=title, multiline=pb.MultilineChartContent(tag=[f"^{re.escape(tag)}$"]))
        for title, tag in tags.items()
    ]
    return pb.Layout(category=[pb.Category(title="training", chart=charts)])


def _tables(report: Mapping[str, Any], layout: Layout) -> dict[str, str]:
    tables = [*layout.tables, *(each for section in (*layout.sections, *SECTIONS) for each in section.tables)]
    found = {table.title: format_table(table, report) for table in tables}
    return {title: text for title, text in found.items() if text}


def format_table(table: Table, report: Mapping[str, Any]) -> str:
    """Return a table in Markdown, its first rows; "" where the report lacks it, or it is a matrix with an image.

    Example:
        >>> table = Table("By class", "classes", {"AP50": ("AP50", "score")})
        >>> print(format_table(table, {"classes": {"car": {"AP50": 0.71234}}}))
        |  | AP50 |
        |---|---|
        | car | 0.712 |
    """
    rows = look_up(report, table.key)
    columns = {key: heading for key, (heading, shown) in table.columns.items() if shown != "heat"}
    if not rows or not columns:
        return ""
    named = rows.items() if isinstance(rows, Mapping) else enumerate(rows, 1)
    lines = ["| " + " | ".join(["", *columns.values()]) + " |", "|---" * (len(columns) + 1) + "|"]
    for name, row in list(named)[: table.most or ROWS]:
        cells = [_cell(name), *(_cell(look_up(row, key) if key else row) for key in columns)]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _cell(value: object) -> str:
    text = f"{value:.3f}" if isinstance(value, float) and is_number(value) else format_text(value)
    return text.replace("|", "\\|").replace("\n", " ")
