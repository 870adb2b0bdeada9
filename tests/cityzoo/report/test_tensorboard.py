"""Event files, read back: figures, images, the card, and the table of several runs."""

import io
import json
from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from tensorboard.plugins.hparams import plugin_data_pb2

from cityzoo.metrics.keys import pointer
from cityzoo.report.layout import Card, Chart, Layout, Table
from cityzoo.report.tensorboard import confusion_image, write_hparams, write_report_summaries
from cityzoo.report.tensorboard_run import scalar_layout, write_run_summaries

CONFUSION = Table("Taken", "confusion", {pointer(name): (name, "heat") for name in ("car", "a/b")})
LAYOUT = Layout(
    (Card("point/recall", "found", ""),),
    {"AP": "how tight", "AP_small": "of small ones"},
    charts=(Chart("Curve", "curves", "x", "y", "x", "y"), Chart("Empty", "none", "x", "y", "", "")),
    tables=(CONFUSION, Table("Other", "confusion", {"car": ("car", "count")})),
)
REPORT = {
    "AP": 0.5,
    "AP_small": None,
    "point": {"recall": 0.75},
    "curves": {"car": {"x": [0, 1], "y": [1, 0]}},
    "confusion": {"car": {"car": 9, "a/b": 1}, "a/b": {"car": 0, "a/b": 0}},
    "model_card": {"Not for": ["Fines.", "Faces."]},
}


def values(folder):
    """Tag -> summary value of all events in a folder."""
    (file,) = folder.glob("events.out.tfevents.*")
    events = (tf.compat.v1.Event.FromString(each.numpy()) for each in tf.data.TFRecordDataset(str(file)))
    return {value.tag: value for event in events for value in event.summary.value}


def test_a_report_in_tensorboard(tmp_path):
    """Written twice, found once."""
    write_report_summaries({**REPORT, "AP": 0.1}, LAYOUT, tmp_path)
    folder = write_report_summaries(REPORT, LAYOUT, tmp_path)
    found = values(folder)
    assert folder == tmp_path / "report"
    scalars = {tag: float(tf.make_ndarray(found[tag].tensor)) for tag in found if tag.startswith("figures/")}
    assert scalars == {"figures/point/recall": 0.75, "figures/AP": 0.5}
    images = [tag for tag in found if tag.startswith("report/")]
    assert images == ["report/Curve", "report/Taken"]
    for tag in images:
        width, height, png = tf.make_ndarray(found[tag].tensor)
        with Image.open(io.BytesIO(png)) as image:
            assert image.size == (int(width), int(height)) and image.size[0] > 100
    assert tf.make_ndarray(found["model card/Not for"].tensor).item() == b"- Fines.\n- Faces."


def test_a_confusion_matrix_is_darkest_where_a_row_has_most():
    image = confusion_image(CONFUSION, REPORT).astype(int)
    height, width = image.shape[:2]
    blue = (
        image[..., 2] - image[..., 0] > 60
    ).nonzero()  # one cell of nine in ten, above and left of the middle
    assert len(blue[0]) > 1000 and np.median(blue[0]) < height / 2 and np.median(blue[1]) < 0.6 * width
    assert confusion_image(CONFUSION, {}) is None


def test_the_table_of_several_runs(tmp_path):
    """What TensorBoard's own reader makes of it: settings as they are, figures as scalars, unknown ones absent."""
    runs = {
        "runs/a": (
            {"backbone": "vgg16", "learning_rate": 0.002, "image_size": [256, 256]},
            {"AP": 0.5, "AP75": None},
        ),
        "runs/b": ({"backbone": "vgg19", "learning_rate": 0.001, "image_size": None}, {"AP": 0.25}),
    }
    write_hparams(tmp_path / "old", runs)
    folder = write_hparams(tmp_path / "old", runs)
    assert sorted(path.name for path in folder.iterdir()) == ["runs-a", "runs-b"]
    found = values(folder / "runs-a")
    assert float(tf.make_ndarray(found["AP"].tensor)) == 0.5 and "AP75" not in found
    content = found["_hparams_/session_start_info"].metadata.plugin_data.content
    start = plugin_data_pb2.HParamsPluginData.FromString(content).session_start_info
    assert start.group_name == "runs/a"
    assert start.hparams["backbone"].string_value == "vgg16"
    assert start.hparams["learning_rate"].number_value == pytest.approx(0.002)
    assert start.hparams["image_size"].string_value == "[256, 256]"
    content = found["_hparams_/experiment"].metadata.plugin_data.content
    table = plugin_data_pb2.HParamsPluginData.FromString(content).experiment
    assert [metric.name.tag for metric in table.metric_infos] == ["AP", "AP75"]


def test_a_run_in_tensorboard(tmp_path):
    """Its command, spec, tables as Markdown, settings, and a chart for the loss, the rate and each metric."""
    spec = {"run": {"backbone": "vgg16"}, "modality": {"augment": ({"policy": "light"},)}}
    table = Table("Sizes", "sizes", {"count": ("images", "count"), "AP": ("AP", "score")}, most=1)
    report = {**REPORT, "spec": spec, "sizes": {"a|b": {"count": 3, "AP": 0.25}, "c": {}}}
    layout = replace(LAYOUT, tables=(CONFUSION, table))
    logs = tmp_path / "mine" / "logs"
    write_run_summaries(report, layout, logs, ("AP", "loss"))
    found = values(logs / "report")
    texts = {
        tag: tf.make_ndarray(each.tensor).item().decode()
        for tag, each in found.items()
        if tag.startswith(("run/", "tables/"))
    }
    assert texts["run/command"].strip() == "python train.py --config mine/spec.json"
    assert json.loads(texts["run/spec"])["run"]["backbone"] == "vgg16"
    assert texts["tables/Sizes"].splitlines()[2:] == ["| a\\|b | 3 | 0.250 |"]
    assert not any("Taken" in tag for tag in texts)  # an image
    (settings,) = (each for tag, each in found.items() if "hparams" in tag)
    data = plugin_data_pb2.HParamsPluginData.FromString(settings.metadata.plugin_data.content)
    assert {k: v.string_value for k, v in data.session_start_info.hparams.items()} == {
        "backbone": "vgg16",
        "augment": "light",
    }
    (category,) = scalar_layout(("AP", "loss")).category
    assert [chart.title for chart in category.chart] == ["loss", "learning rate", "AP"]
