import keras
import numpy as np

import zoo
from zoo.peft.adapt import adapt, merge, shares
from zoo.peft.low_rank import Adapter, Bottleneck


def test_a_bottleneck_by_hand():
    module = Bottleneck("module", channels=2, width=1, seed=0, dtype=None)
    inputs = keras.Input((1, 1, 2))
    model = keras.Model(inputs, module(inputs))
    x = np.array([[[[3.0, -1.0]]]], "float32")
    np.testing.assert_array_equal(model(x), x)
    module.down.set_weights([np.array([[[[1.0], [1.0]]]]), np.array([0.5])])  # 3 - 1 + 0.5 = 2.5
    module.up.set_weights([np.array([[[[2.0, -1.0]]]]), np.array([0.0, 1.0])])  # 5, -1.5
    np.testing.assert_allclose(model(x), [[[[8.0, -2.5]]]])
    np.testing.assert_allclose(model(-x), [[[[-3.0, 2.0]]]])  # -2 + 0.5 < 0: the ReLU gives 0


def test_there_is_one_behind_each_stage_of_built_in_layers(backbone):
    adapted = adapt(backbone, "adapter:4")
    assert [layer.name for layer in adapted.layers if layer.name.startswith("adapter")] == [
        f"adapter_C{number}{part}" for number in range(1, 6) for part in ("_down", "_up", "")
    ]
    assert zoo.pyramid_outputs(adapted) == {f"C{number}": f"adapter_C{number}" for number in range(1, 6)}
    assert {type(layer).__module__.split(".")[0] for layer in adapted._flatten_layers()} == {"keras"}
    # C4 of MobileNet 0.25 has 128 channels: 128*4 + 4 down, 4*128 + 128 up
    assert shares(adapted).by_stage["C4"][0] == 516 + 640


def test_a_merged_backbone_can_be_adapted_anew(tiny, images, outputs, shake):
    merged = merge(shake(adapt(tiny, "adapter:2")))
    again = adapt(merged, "adapter:3", above="C4")
    assert [layer.name for layer in again.adaptation.layers] == ["adapter_C5_more_down", "adapter_C5_more_up"]
    np.testing.assert_array_equal(outputs(again, images)["P5"], outputs(merged, images)["P5"])


def test_above_a_stage_its_own_tensor_gets_none(backbone):
    chains = Adapter(4).plan(backbone, zoo.peft.rewrite.operations(backbone, zoo.stages(backbone)["C4"]), 0)
    assert [operation.name for operation in chains] == ["conv_pw_13_relu"]


def test_a_stage_that_ends_inside_a_sequential_gets_one_too():
    images = x = keras.Input((32, 32, 3))
    for number in range(1, 6):
        block = [keras.layers.Conv2D(2, 3, strides=2, padding="same"), keras.layers.ReLU()]
        x = keras.Sequential(block, name=f"block{number}")(x)
    adapted = adapt(keras.Model(images, {"P5": x}), "adapter:1", above="C4")
    assert adapted.get_layer("adapter_C5").output is adapted.output["P5"]
    assert list(zoo.stages(adapted)) == ["C1", "C2", "C3", "C4", "C5"]
