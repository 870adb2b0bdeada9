"""Forecasting models: which graphs they get, and which rows they are measured on."""

import numpy as np
import pytest

from cityzoo import tasks
from cityzoo.data.series.windows import windows_of
from cityzoo.errors import InputError
from cityzoo.modalities.series import build
from cityzoo.spec_file import Config, make_spec

TASK = tasks.find("traffic_flow")


def train_windows(series):
    """Return the windows of the first 30 rows: three in, two out."""
    return windows_of("train", series, range(30), 3, 2)


def build_model(series, **flags):
    """Return a model for a series, and the output that knows its training rows."""
    common = {"task": "traffic_flow", "backbone": "stid", "history": 3, "horizon": 2, "hidden_size": 4}
    spec, windows = make_spec(Config({**common, **flags}, ())), train_windows(series)
    output = TASK.output_for((), spec.output).with_train_statistics(windows)
    return build.build(spec, output, windows).model, output


@pytest.mark.parametrize(("graph", "count"), [("auto", 1), ("none", 0), ("roads", 1), ("both", 2)])
def test_the_model_has_the_graphs_of_the_flag(series, graph, count):
    """And an output for each step, sensor and quantile."""
    values = np.random.default_rng(0).normal(size=(40, 3))
    model, _ = build_model(series(values, adjacency=np.eye(3)[::-1]), graph=graph)
    assert sum(layer.name.startswith("graph") for layer in model.layers) == count
    assert model.output.shape == (None, 2, 3, 3)


def test_what_cannot_be_built_is_refused(series):
    """Roads that are missing, an unknown backbone, rows without any change."""
    data = series(np.random.default_rng(0).normal(size=(40, 2)))
    with pytest.raises(InputError, match="--graph roads .*: give --adjacency FILE"):
        build_model(data, graph="roads")
    with pytest.raises(InputError, match="unknown backbone of series 'vgg16'"):
        build_model(data, backbone="vgg16")
    with pytest.raises(InputError, match="channel 0 is 5 in every training row"):
        build_model(series(np.full((40, 2), 5.0)))


def test_scaler_graph_and_loss_depend_on_the_training_rows_alone(series):
    """Later rows change nothing."""
    values = np.random.default_rng(0).normal(50, 10, size=(40, 3))
    changed = values.copy()
    changed[30:] *= 9
    (one, of_one), (other, of_other) = (build_model(series(each)) for each in (values, changed))
    for name in ("scale_series", "graph_0"):
        first, second = one.get_layer(name), other.get_layer(name)
        assert str(first.get_config()) == str(second.get_config())
        assert all((a == b).all() for a, b in zip(first.get_weights(), second.get_weights(), strict=True))
    assert of_one.spread == of_other.spread == pytest.approx(values[:30].std(), rel=1e-3)
