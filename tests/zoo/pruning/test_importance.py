import keras
import numpy as np
import pytest

from zoo.pruning import importance
from zoo.pruning.channels import Group, group_channels, trace_channels


@pytest.fixture(scope="module")
def linear():
    """Three inputs, 16 hidden units without an activation, one output; its channels."""
    keras.utils.set_random_seed(0)
    x = keras.Input((3,))
    hidden = keras.layers.Dense(16, name="hidden")(x)
    model = keras.Model(x, keras.layers.Dense(1, name="last")(hidden))
    return model, trace_channels(model)


def _channels_of(channels, layer):
    return channels.widths[layer][1]


def test_taylor_is_the_exact_change_of_a_linear_loss(linear):
    model, channels = linear
    inputs = np.random.default_rng(0).normal(size=(8, 3)).astype("float32")
    before = [weight.copy() for weight in model.get_weights()]
    scores = importance.taylor(
        model, channels, lambda wanted, found: keras.ops.mean(found), [(inputs, np.zeros((8, 1)))]
    )
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))
    kernel, bias, last, _ = before
    change = np.abs(((inputs @ kernel + bias) * last[:, 0]).mean(0))  # of the mean output without each unit
    assert np.allclose(scores[_channels_of(channels, "hidden")], change, rtol=1e-4)


def test_kernel_norms_are_relative_to_their_layer(linear):
    model, channels = linear
    norms = np.abs(model.get_layer("hidden").get_weights()[0]).sum(0)
    found = importance.kernel_norms(model, channels)[_channels_of(channels, "hidden")]
    assert np.allclose(found, norms / norms.mean())


def test_scales_of_batchnorm_and_kernels_where_there_are_none(residual):
    channels = trace_channels(residual)
    found = importance.batchnorm_scales(residual, channels)
    gammas = [np.abs(residual.get_layer(name).gamma) for name in ("stem_norm", "joint_norm")]
    wanted = (gammas[0] / gammas[0].mean() + gammas[1][48:] / gammas[1].mean()) / 2
    assert np.allclose(found[_channels_of(channels, "stem")], wanted, rtol=1e-5)
    kernels = importance.kernel_norms(residual, channels)
    own = _channels_of(channels, "hidden")
    assert np.allclose(found[own], kernels[own])


@pytest.mark.parametrize(("count", "kept"), [(8, 8), (16, 8), (20, 16), (64, 32), (100, 56)])
def test_groups_keep_multiples_of_eight(count, kept):
    group = Group(("a",), np.arange(count), 10, 10)
    steps = importance.removal_steps([group], np.random.default_rng(0).random(count))
    left = count - np.cumsum([0, *map(len, steps)])
    assert left[-1] == kept and all(each % 8 == 0 for each in left[1:])


def test_the_least_important_channels_of_the_costliest_group_go_first(residual):
    channels = trace_channels(residual)
    groups = group_channels(residual, channels)
    scores = np.random.default_rng(0).random(channels.count)
    steps = importance.removal_steps(groups, scores, "parameters")
    cost = {channel: group.parameters for group in groups for channel in group.channels}
    values = [scores[step].mean() / cost[step[0]] for step in steps]
    assert values == sorted(values)
    assert not channels.fixed[np.concatenate(steps)].any()
