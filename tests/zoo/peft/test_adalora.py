import keras
import numpy as np
import pytest

from zoo.peft.adapt import adapt
from zoo.peft.low_rank import ORTHOGONALITY, AdaLora, TripletConv2D, TripletDense


def _dense(penalty=0.0, **kwargs):
    layer = TripletDense(units=4, triplets=2, penalty=penalty, use_bias=False, **kwargs)
    layer.build((None, 3))
    return layer


def test_p_and_q_start_orthonormal_and_lambda_zero():
    layer = TripletConv2D(filters=6, kernel_size=3, triplets=5)
    layer.build((None, 8, 8, 2))
    p = np.reshape(layer.svd_p, (-1, 5))
    assert p.shape == (18, 5) and layer.svd_q.shape == (5, 6)
    np.testing.assert_allclose(p.T @ p, np.eye(5), atol=1e-5)
    np.testing.assert_allclose(layer.svd_q @ np.transpose(layer.svd_q), np.eye(5), atol=1e-5)
    np.testing.assert_array_equal(layer.svd_lambda, np.zeros(5))
    np.testing.assert_array_equal(layer.kernel, layer._kernel)


def test_the_kernel_by_hand():
    layer = _dense(kernel_initializer="zeros")
    layer.svd_p.assign([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]])
    layer.svd_q.assign([[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 1.0, 0.0]])
    layer.svd_lambda.assign([3.0, 5.0])
    # the root of four outputs is 2
    np.testing.assert_allclose(layer.kernel, [[6, 0, 0, 0], [0, 10, 10, 0], [0, 0, 0, 0]])
    layer.svd_alive.assign([1.0, 0.0])
    np.testing.assert_allclose(layer.kernel, [[6, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]])
    np.testing.assert_allclose(AdaLora(1).fold([layer])["kernel"], layer.kernel)
    assert set(AdaLora(1).fold([layer])) == {"kernel"}


def test_the_penalty_by_hand():
    layer = _dense(penalty=0.5)
    x = np.ones((1, 3), "float32")
    layer(x, training=True)
    assert float(layer.losses[0]) == pytest.approx(0, abs=1e-6)
    layer.svd_q.assign(2 * layer.svd_q)  # Q Q^T = 4 I, less I is 3 I: 2 * 3^2 = 18
    layer(x, training=True)
    assert float(layer.losses[0]) == pytest.approx(9)
    layer(x, training=False)
    assert layer.losses == []


def test_the_penalty_of_a_backbone_is_shared_out_among_its_layers(backbone):
    layers = adapt(backbone, "adalora:2").adaptation.layers
    assert len(layers) == 14  # the stem and 13 pointwise convolutions
    assert sum(layer.penalty for layer in layers) == pytest.approx(ORTHOGONALITY)


def test_it_begins_with_half_as_many_triplets_again_as_may_stay(backbone):
    way, layers = AdaLora(6), adapt(backbone, "adalora:6").adaptation.layers
    assert [layer.triplets for layer in layers] == [8, 8] + 12 * [9]  # the first maps have 8 channels
    assert way.budget(layers) == 14 * 6
    assert AdaLora(9).budget(layers) == 8 + 8 + 12 * 9


def test_saving_keeps_every_variable_as_it_is(tmp_path):
    inputs = keras.Input((8, 8, 2))
    model = keras.Model(inputs, TripletConv2D(filters=4, kernel_size=3, triplets=3)(inputs))
    rng = np.random.default_rng(0)
    model.set_weights([rng.normal(size=weight.shape) for weight in model.weights])
    model.save(tmp_path / "model.keras")
    for one, other in zip(
        model.get_weights(), keras.saving.load_model(tmp_path / "model.keras").get_weights(), strict=True
    ):
        np.testing.assert_array_equal(one, other)
