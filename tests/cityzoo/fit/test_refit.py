"""What learns, from which windows, and on which graphs."""

import numpy as np
import pytest

from cityzoo.errors import InputError
from cityzoo.fit import refit
from cityzoo.outputs.quantile_forecast import Forecasting
from cityzoo.spec import TrainSpec

HOW = Forecasting(history=3, horizon=2, width=4)
SPEC = TrainSpec(task="traffic_flow", backbone="stid")


@pytest.mark.parametrize(("graph", "count"), [("auto", 1), ("none", 0), ("roads", 1), ("both", 2)])
def test_graphs_are_those_that_were_asked_for(series, graph, count):
    values = np.random.default_rng(0).normal(size=(40, 3))
    data = series(values, adjacency=np.eye(3)[::-1])
    model = refit.build(SPEC, Forecasting(3, 2, width=4, graph=graph), data, range(30))
    assert sum(layer.name.startswith("graph") for layer in model.layers) == count
    assert model.output.shape == (None, 2, 3, 3)


def test_what_cannot_be_built_is_said_in_a_line(series):
    """Roads that nobody gave, a backbone that is none, rows in which nothing changes."""
    data = series(np.random.default_rng(0).normal(size=(40, 2)))
    with pytest.raises(
        InputError, match="--graph roads needs the roads between sensors: give --adjacency FILE"
    ):
        refit.build(SPEC, Forecasting(graph="roads"), data, range(30))
    with pytest.raises(InputError, match="unknown backbone of series 'vgg16'"):
        refit.build(TrainSpec(backbone="vgg16"), HOW, data, range(30))
    with pytest.raises(InputError, match="channel 0 is 5 in every training row: nothing can be learned"):
        refit.build(SPEC, HOW, series(np.full((40, 2), 5.0)), range(30))


def test_scaler_and_graph_know_the_given_rows_alone(series):
    """Rows behind them change nothing."""
    values = np.random.default_rng(0).normal(50, 10, size=(40, 3))
    changed = values.copy()
    changed[30:] *= 9
    models = [refit.build(SPEC, HOW, series(each), range(30)) for each in (values, changed)]
    for name in ("scale_series", "graph_0"):
        one, other = (model.get_layer(name) for model in models)
        assert str(one.get_config()) == str(other.get_config())
        assert all((a == b).all() for a, b in zip(one.get_weights(), other.get_weights(), strict=True))
    assert (
        models[0].spread_of_target == models[1].spread_of_target == pytest.approx(values[:30].std(), rel=1e-3)
    )
