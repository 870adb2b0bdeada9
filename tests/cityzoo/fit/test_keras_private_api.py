"""The private parts of Keras that `cityzoo.fit.optimizer_classes` overrides and `zoo.graph` reads: one test for each.

A test here that fails after an update of Keras names the method whose signature or place changed.
"""

import inspect

import keras
import numpy as np
import pytest
from keras import ops

from cityzoo.fit.optimizer_classes import Muon
from cityzoo.fit.optimizers import optimizer
from zoo.graph import nodes

TENSORFLOW = keras.backend.backend() == "tensorflow"
BASE = keras.optimizers.Optimizer


def arguments(function):
    """Names of the arguments of a method, without self."""
    return [name for name in inspect.signature(function).parameters if name != "self"]


def step(made, gradient=((3.0, 4.0),)):
    """One step on a kernel of two ones; the kernel after it."""
    weights = keras.Variable(np.ones((1, 2)), name="kernel")
    made.apply([ops.convert_to_tensor(gradient, "float32")], [weights])
    return weights


def record(monkeypatch, owner, name):
    """Arguments of every call of a method, which still does its work."""
    calls, original = [], getattr(owner, name)

    def recorded(self, *args, **kwargs):
        calls.append(args)
        return original(self, *args, **kwargs)

    monkeypatch.setattr(owner, name, recorded)
    return calls


def test_clip_gradients(monkeypatch):
    """`_clip_gradients(grads)` shortens a list of gradients, and `apply` calls it."""
    assert arguments(BASE._clip_gradients) == ["grads"]
    made = keras.optimizers.SGD(1.0, global_clipnorm=1.0)
    calls = record(monkeypatch, BASE, "_clip_gradients")
    assert np.allclose(step(made), [[0.4, 0.2]])  # the gradient of length 5 is now (.6, .8)
    assert len(calls) == 1 and len(calls[0][0]) == 1


@pytest.mark.skipif(not TENSORFLOW, reason="replicas are summed on TensorFlow only")
def test_all_reduce_sum_gradients(monkeypatch):
    """`_all_reduce_sum_gradients(grads_and_vars)` takes and gives pairs, and a step on TensorFlow calls it."""
    made = optimizer("sgd", 1.0, weight_decay=0.0)
    owner = next(kind for kind in type(made).__mro__[2:] if "_all_reduce_sum_gradients" in vars(kind))
    assert arguments(owner._all_reduce_sum_gradients) == ["grads_and_vars"]
    calls = record(monkeypatch, owner, "_all_reduce_sum_gradients")
    weights = step(made)
    assert [pair[1].shape for pair in calls[0][0]] == [weights.shape]


def test_get_variable_index():
    """`_get_variable_index(variable)` is the position among the variables that the optimizer was built with."""
    assert arguments(BASE._get_variable_index) == ["variable"]
    variables = [keras.Variable(np.ones(2)), keras.Variable(np.ones(3))]
    made = keras.optimizers.SGD(1.0)
    made.build(variables)
    assert [made._get_variable_index(variable) for variable in variables] == [0, 1]


def test_apply_weight_decay(monkeypatch):
    """`_apply_weight_decay(variables)` is where Keras decays: without it nothing is decayed twice."""
    assert arguments(BASE._apply_weight_decay) == ["variables"]
    calls = record(monkeypatch, BASE, "_apply_weight_decay")
    assert np.allclose(step(keras.optimizers.SGD(0.5, weight_decay=0.5), ((0.0, 0.0),)), 0.75)
    assert len(calls) == 1
    assert np.allclose(step(optimizer("sgd", 0.5, weight_decay=0.5), ((0.0, 0.0),)), 0.75)


@pytest.mark.parametrize("name", ["sgd", "adamw", "lion", "muon"])
def test_update_step(monkeypatch, name):
    """`update_step(gradient, variable, learning_rate)` runs once for each variable."""
    made = optimizer(name, 0.1)
    owner = next(kind for kind in type(made).__mro__[2:] if "update_step" in vars(kind))
    assert arguments(owner.update_step) == ["gradient", "variable", "learning_rate"]
    calls = record(monkeypatch, type(made), "update_step")
    step(made)
    assert len(calls) == 1 and len(calls[0]) == 3


def test_should_use_adamw(monkeypatch):
    """`Muon._should_use_adamw(variable)` decides at build which variables Muon leaves to AdamW."""
    assert arguments(keras.optimizers.Muon._should_use_adamw) == ["variable"]
    calls = record(monkeypatch, Muon, "_should_use_adamw")
    step(optimizer("muon", 0.1))
    assert calls and isinstance(calls[0][0], keras.Variable)


@pytest.mark.parametrize(
    ("name", "names"), [("zeropower_via_newtonschulz5", ["x", "steps"]), ("lr_adjust", ["x"])]
)
def test_muon_steps(monkeypatch, name, names):
    """The two parts of Muon's step that a kernel of four axes is reshaped for."""
    assert arguments(getattr(keras.optimizers.Muon, name)) == names
    calls = record(monkeypatch, Muon, name)
    weights = keras.Variable(np.eye(2), name="kernel")
    optimizer("muon", 0.1).apply([ops.ones((2, 2))], [weights])
    assert len(calls) == 1 and calls[0][0].shape == (2, 2)


@pytest.fixture
def model():
    """One input, one layer used twice, one operation."""
    x = keras.Input((2,))
    layer = keras.layers.Dense(2, name="twice")
    return keras.Model(x, ops.add(layer(layer(x)), x))


def test_nodes_by_depth(model):
    """`_nodes_by_depth` maps a depth to its nodes; the input is deepest, each call of a layer is a node."""
    by_depth = model._nodes_by_depth
    assert by_depth[max(by_depth)][0].is_input and not by_depth[0][0].is_input
    assert [node.operation.name for node in nodes(model)][:2] == ["twice", "twice"]


def test_node_tensors(model):
    """A node has `input_tensors` and `outputs`, lists of Keras tensors."""
    first, _, last = nodes(model)
    assert first.input_tensors[0] is model.inputs[0] and last.outputs[0] is model.outputs[0]
    assert len(last.input_tensors) == 2


def test_node_arguments_fill_in(model):
    """`node.arguments.fill_in(values)` puts values, by the id of their tensor, in the place of the tensors."""
    last = nodes(model)[-1]
    values = {id(tensor): number for number, tensor in enumerate(last.input_tensors)}
    args, kwargs = last.arguments.fill_in(values)
    assert sorted([*args, *kwargs.values()]) == [0, 1]
