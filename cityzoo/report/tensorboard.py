"""Reports in TensorBoard: metrics, charts, confusion matrix and model card of a run; HParams of several runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cityzoo.evaluation.evaluate import BEFORE
from cityzoo.metrics.keys import look_up
from cityzoo.report.charts import chart_image, rasterize
from cityzoo.report.layout import Layout, Table
from cityzoo.report.local_paths import shorten_paths
from cityzoo.report.number_format import format_text, is_number
from cityzoo.report.pages.shared import SECTIONS

if TYPE_CHECKING:
    import numpy as np

    from cityzoo.evaluation.evaluated_run import EvaluatedRun

FOLDER = "report"  # in the run's logs
MAIN_SETTINGS = (
    *("backbone", "weights", "freeze", "learning_rate", "batch_size"),
    *("augment", "image_size", "adapt", "seed"),
)
Runs = Mapping[str, tuple[Mapping[str, Any], Mapping[str, float | None]]]


def write_report_summaries(report: Mapping[str, Any], layout: Layout, logs: str | Path) -> Path:
    """Write a report into `logs/report`, replacing an earlier one.

    Metrics are scalars, charts and the confusion matrix images, the model card text; all at step 0.

    Args:
        report: contents of report.json.
        layout: names the metrics, charts and tables.
        logs: log folder of the run.
    """
    import tensorflow as tf

    folder = Path(logs) / FOLDER
    for old in folder.glob("events.out.tfevents.*"):
        old.unlink()
    with tf.summary.create_file_writer(str(folder)).as_default(step=0):
        for place in dict.fromkeys([*(card.key for card in layout.cards), *layout.meanings]):
            if is_number(look_up(report, place)):
                tf.summary.scalar(f"figures/{place}", float(look_up(report, place)))
        for name, image in _images(report, layout).items():
            tf.summary.image(f"report/{name}", image[None])
        for title, sentences in (report.get("model_card") or {}).items():
            tf.summary.text(f"model card/{title}", "\n".join(f"- {sentence}" for sentence in sentences))
    return folder


def _images(report: Mapping[str, Any], layout: Layout) -> dict[str, np.ndarray]:
    sections = (*layout.sections, *SECTIONS)
    charts = [*layout.charts, *(chart for section in sections for chart in section.charts)]
    images = {chart.title: chart_image(chart, report) for chart in charts}
    images |= {table.title: confusion_image(table, report) for table in layout.tables}
    return {title: image for title, image in images.items() if image is not None}


def confusion_image(table: Table, report: Mapping[str, Any]) -> np.ndarray | None:
    """Return a confusion matrix as (H, W, 3) uint8 RGB; None for other tables, or without data.

    Backgrounds show shares of the row.
    """
    import numpy as np
    from matplotlib.figure import Figure

    columns = {key: heading for key, (heading, shown_as) in table.columns.items() if shown_as == "heat"}
    rows = look_up(report, table.key)
    if not columns or not rows:
        return None
    counts = np.array([[look_up(row, key) or 0 for key in columns] for row in rows.values()], float)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    side = 1.2 + 0.55 * max(counts.shape)
    figure = Figure(figsize=(side + 0.8, side), layout="constrained")
    axes = figure.add_subplot()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1.4, aspect="auto")  # light enough to read the numbers
    axes.set_xticks(range(len(columns)), [*columns.values()], rotation=45, ha="right")
    axes.set_yticks(range(len(rows)), [*rows])
    axes.set(xlabel="predicted", ylabel="true", title=table.title)
    for (row, column), count in np.ndenumerate(counts):
        axes.text(column, row, f"{count:g}", ha="center", va="center")
    return rasterize(figure)


def write_hparams(folder: str | Path, runs: Runs) -> Path:
    """Write settings and metrics of runs for TensorBoard's HParams table.

    Args:
        folder: of the table, with a subfolder per run.
        runs: name -> (settings, see `varying_settings`; metrics, None if not measured).

    Returns:
        the folder.
    """
    import tensorflow as tf

    folder = Path(folder)
    metrics = list(dict.fromkeys(name for _, found in runs.values() for name in found))
    for name, (settings, found) in runs.items():
        own = folder / name.strip("/").replace("/", "-")
        for old in own.glob("events.out.tfevents.*"):
            old.unlink()
        with tf.summary.create_file_writer(str(own)).as_default(step=0):
            write_settings(name, settings, metrics)
            for key, value in found.items():
                if is_number(value):
                    tf.summary.scalar(key, float(value))
    return folder


def write_settings(name: str, settings: Mapping[str, Any], metrics: Sequence[str] = ()) -> None:
    """Write the settings of a run for the HParams table, with the default writer.

    Args:
        name: of the run.
        settings: name -> value, see `varying_settings`.
        metrics: tags of the scalars next to them; empty: all. TensorBoard takes those of one run for all of
            a folder, which may be of several tasks.
    """
    from tensorboard.plugins.hparams import api as hp

    plain = {
        key: value if isinstance(value, bool | int | float | str) else format_text(value)
        for key, value in settings.items()
    }
    if metrics:
        hp.hparams_config([hp.HParam(key) for key in plain], [hp.Metric(key) for key in metrics])
    hp.hparams(plain, trial_id=name)


def write_runs_table(report: Mapping[str, Any], runs: Sequence[EvaluatedRun], folder: Path) -> None:
    """Write the HParams table of an evaluated run and the runs that it was compared with, on the same examples.

    Args:
        report: of the first run, compared with the others.
        runs: the evaluated run, then the others.
        folder: of the report; the table lies in its `logs/`.
    """
    runs = list({run.path: run for run in runs}.values())  # each once
    names = list(shorten_paths({run.path: None for run in runs}))
    settings = varying_settings({name: run.spec.as_dict() for name, run in zip(names, runs, strict=True)})
    metrics = {names[0]: {key: report.get(key) for key in runs[0].output.primary_metrics}}
    others = [
        found for name, found in report["compared"].items() if name != BEFORE
    ]  # in the order of the runs
    for name, found in zip(names[1:], others, strict=False):
        metrics[name] = {key: row["other"] for key, row in found["figures"].items()}
    write_hparams(folder / "logs", {name: (settings[name], metrics[name]) for name in names})


def varying_settings(specs: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the main settings of each run, and those that differ between runs.

    Args:
        specs: name of a run -> its spec, as in spec.json.

    Example:
        >>> spec = {"run": {"backbone": "vgg16"}, "fit": {"epochs": 8}, "modality": {"exif": "auto"}}
        >>> varying_settings({"a": spec, "b": {**spec, "fit": {"epochs": 9}}})
        {'a': {'backbone': 'vgg16', 'epochs': 8}, 'b': {'backbone': 'vgg16', 'epochs': 9}}
    """
    flat = {name: _flat(spec) for name, spec in specs.items()}
    keys = dict.fromkeys(key for spec in flat.values() for key in spec)
    differ = [key for key in keys if len({format_text(spec.get(key)) for spec in flat.values()}) > 1]
    shown = [key for key in keys if key in MAIN_SETTINGS or (key in differ and key not in ("out", "data"))]
    return {name: {key: spec.get(key) for key in shown} for name, spec in flat.items()}


def _flat(spec: Mapping[str, Any]) -> dict[str, Any]:
    sections = [section for section in spec.values() if isinstance(section, Mapping)]
    flat = {key: value for section in sections for key, value in section.items()}
    if isinstance(flat.get("augment"), list | tuple):
        flat["augment"] = next((step["policy"] for step in flat["augment"] if "policy" in step), "own")
    if spec.get("plan"):
        flat["phases"] = ", ".join(f"{phase['freeze']}:{phase['epochs']}" for phase in spec["plan"])
    if flat.get("weights"):
        flat["weights"] = Path(str(flat["weights"])).name
    return flat
