import keras
import numpy as np
import pytest

from zoo.peft.adapt import adapt
from zoo.peft.low_rank import AdaLora, TripletDense
from zoo.peft.rank_allocation import MEMORY, RankAllocation, rank_allocation


def _layers():
    """Two layers of three triplets each, of which rank 2 lets four stay."""
    layers = [TripletDense(units=4, triplets=3, use_bias=False, name=name) for name in ("one", "two")]
    for layer in layers:
        layer.build((None, 3))
        layer.svd_lambda.assign([1.0, 1.0, 1.0])
    return layers


def _fit(model, images, first, last, callbacks):
    """Four steps an epoch, in the order of the images."""
    targets = {"score": np.arange(4.0)}
    kwargs = {"batch_size": 1, "shuffle": False, "verbose": 0}
    model.fit(images[:, :32, :32], targets, initial_epoch=first, epochs=last, callbacks=callbacks, **kwargs)


def test_the_budget_falls_along_a_cubic_curve():
    allocation = RankAllocation(AdaLora(2), _layers(), steps=1000)
    assert (allocation.total, allocation.target) == (6, 4)
    assert [allocation.budget(step) for step in (1, 100, 700, 1000)] == [6, 6, 4, 4]
    allocation.total, allocation.target = 1200, 200
    # halfway between 100 and 700 an eighth of the surplus is left; after a quarter 27/64 of it
    assert allocation.budget(400) == 200 + 125
    assert allocation.budget(250) == 200 + round(1000 * 27 / 64)


def test_the_least_important_of_all_layers_go_and_may_come_back_until_the_end():
    one, two = layers = _layers()
    allocation = RankAllocation(AdaLora(2), layers, steps=10)
    one.svd_importance.assign([0.1, 0.9, 0.2])
    two.svd_importance.assign([0.8, 0.7, 0.6])
    allocation.prune(4, for_good=False)
    np.testing.assert_array_equal(one.svd_lambda, [0, 1, 0])
    np.testing.assert_array_equal(two.svd_lambda, [1, 1, 1])
    assert allocation.living() == 6 and not allocation.done
    allocation.prune(4, for_good=True)
    np.testing.assert_array_equal(one.svd_alive, [0, 1, 0])
    np.testing.assert_array_equal(two.svd_alive, [1, 1, 1])
    assert allocation.living() == 4 and allocation.done


def test_importance_by_hand():
    layer = TripletDense(units=2, triplets=2, use_bias=False, name="layer")
    layer.build((None, 4))
    layer.svd_lambda.assign([2.0, -3.0])
    layer.svd_p.assign(np.ones((4, 2)))
    layer.svd_q.assign([[1.0, 3.0], [1.0, 1.0]])
    optimizer = keras.optimizers.Adam()
    optimizer.build(layer.trainable_variables)
    momenta = {v.name: v for v in optimizer.variables}
    momenta["layer_svd_lambda_momentum"].assign([0.5, 0.5])  # |2 * .5| = 1, |-3 * .5| = 1.5
    momenta["layer_svd_p_momentum"].assign([[1.0, 0.0]] * 2 + [[-1.0, 0.0]] * 2)  # mean of |1|: 1, 0
    momenta["layer_svd_q_momentum"].assign([[1.0, 1.0], [0.0, -4.0]])  # mean of 1, 3: 2; of 0, 4: 2
    allocation = RankAllocation(AdaLora(1), [layer], steps=10)
    allocation.set_model(keras.Sequential([layer]))
    allocation.model.compile(optimizer)
    allocation.update_importance()
    np.testing.assert_allclose(layer.svd_importance, np.array([4.0, 3.5]) * (1 - MEMORY), rtol=1e-6)
    allocation.update_importance()
    np.testing.assert_allclose(layer.svd_importance, np.array([4.0, 3.5]) * (1 - MEMORY**2), rtol=1e-6)


def test_without_momentum_the_importance_is_that_of_lambda():
    layer = _layers()[0]
    layer.svd_lambda.assign([2.0, -3.0, 0.0])
    optimizer = keras.optimizers.SGD()
    allocation = RankAllocation(AdaLora(1), [layer], steps=10)
    allocation.set_model(keras.Sequential([layer]))
    allocation.model.compile(optimizer)
    allocation.update_importance()
    np.testing.assert_allclose(layer.svd_importance, np.array([2.0, 3.0, 0.0]) * (1 - MEMORY), rtol=1e-6)


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_fitting_ends_at_the_average_rank_and_later_phases_keep_it(tiny, images, with_head, optimizer):
    adapted = adapt(tiny, "adalora:2")
    model, layers = with_head(adapted), adapted.adaptation.layers
    model.compile(keras.optimizers.get(optimizer), {"score": "mse"})
    (allocation,) = rank_allocation(adapted, steps=8)
    assert allocation.total == 3 * len(layers)
    _fit(model, images, 0, 2, [allocation])
    alive = [keras.ops.convert_to_numpy(layer.svd_alive) for layer in layers]
    assert np.sum(alive) == 2 * len(layers) and np.shape(alive) == (len(layers), 3)
    _fit(model, images, 0, 2, rank_allocation(adapted, steps=8))
    np.testing.assert_array_equal(alive, [keras.ops.convert_to_numpy(layer.svd_alive) for layer in layers])


@pytest.mark.slow
def test_resumed_training_takes_away_the_same(tiny, images, with_head):
    def start():
        keras.utils.set_random_seed(0)
        adapted = adapt(tiny, "adalora:2")
        model = with_head(adapted)
        model.compile(
            keras.optimizers.AdamW(0.01), {"score": "mse"}, run_eagerly=True
        )  # tracing takes longer
        model.optimizer.build(model.trainable_variables)
        return model, adapted

    def state(model):
        numbers = [keras.ops.convert_to_numpy(variable).copy() for variable in model.optimizer.variables]
        return model.get_weights(), numbers

    saved = []
    whole, adapted = start()
    keep = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: saved.append(state(whole)))
    _fit(whole, images, 0, 3, [*rank_allocation(adapted, steps=12), keep])
    resumed, adapted = start()
    weights, numbers = saved[0]
    resumed.set_weights(weights)
    for variable, number in zip(resumed.optimizer.variables, numbers, strict=True):
        variable.assign(number)
    _fit(resumed, images, 1, 3, rank_allocation(adapted, steps=12))
    for one, other in zip(saved[2][0], resumed.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


def test_only_adalora_needs_it(backbone):
    assert rank_allocation(adapt(backbone, "lora:2"), steps=8) == []
    with pytest.raises(ValueError, match="steps must be at least 1, got 0"):
        rank_allocation(adapt(backbone, "adalora:2"), steps=0)
    with pytest.raises(ValueError, match="is not adapted"):
        rank_allocation(backbone, steps=8)
