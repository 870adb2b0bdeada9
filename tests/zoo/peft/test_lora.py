import keras
import numpy as np

from zoo.peft.adapt import adapt
from zoo.peft.low_rank import Lora, full_rank


def _layer(kind, shape, **kwargs):
    layer = kind(**kwargs)
    layer.build(shape)
    return layer


def test_what_a_convolution_and_a_dense_layer_train_by_hand():
    conv = _layer(keras.layers.Conv2D, (None, 8, 8, 8), filters=16, kernel_size=3)
    dense = _layer(keras.layers.Dense, (None, 10), units=6)
    depthwise = _layer(keras.layers.DepthwiseConv2D, (None, 8, 8, 8), kernel_size=3)
    chains = Lora(4).plan(None, [conv, depthwise, dense], seed=0)
    assert list(chains) == [conv, dense]
    shapes = [
        [tuple(w.shape) for w in chain[0].weights if w.name.startswith("lora")] for chain in chains.values()
    ]
    # 3*3*8*4 + 4*16 = 352 beside 3*3*8*16 + 16; 10*4 + 4*6 = 64 beside 10*6 + 6
    assert shapes == [[(3, 3, 8, 4), (4, 16)], [(10, 4), (4, 6)]]
    assert not any(weight.name.startswith("lora") for weight in conv.weights)


def test_no_kernel_gets_a_rank_that_it_cannot_have(backbone):
    assert full_rank(_layer(keras.layers.Conv2D, (None, 8, 8, 3), filters=64, kernel_size=1)) == 3
    adapted = adapt(backbone, "lora:100")
    assert tuple(adapted.get_layer("conv1").lora_kernel_b.shape) == (8, 8)
    assert tuple(adapted.get_layer("conv_pw_13").lora_kernel_b.shape) == (100, 256)


def test_folding_adds_the_product_to_the_kernel():
    dense = _layer(keras.layers.Dense, (None, 2), units=3)
    (chain,) = Lora(1).plan(None, [dense], seed=0).values()
    chain[0].lora_kernel_a.assign([[1.0], [2.0]])
    chain[0].lora_kernel_b.assign([[10.0, 0.0, -1.0]])
    folded = Lora(1).fold(chain)
    assert set(folded) == {"kernel", "bias"}
    added = folded["kernel"] - keras.ops.convert_to_numpy(dense.kernel)
    np.testing.assert_allclose(added, [[10, 0, -1], [20, 0, -2]], atol=1e-6)
