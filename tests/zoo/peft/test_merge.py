import json
import textwrap

import keras
import numpy as np
import pytest

from zoo.peft.adapt import adapt, merge, transplant

WAYS = ["lora:2", "adalora:2", "adapter:4", "bias", "norm", "ssf"]
REAL = [
    ("mobilenet_025", "adalora:2"),
    ("vgg16", "ssf"),
    pytest.param("efficientnet_v2_b0", "ssf", marks=pytest.mark.slow),
]


def _architecture(model):
    layers = [layer for layer in model._flatten_layers() if not isinstance(layer, keras.layers.InputLayer)]
    return [(layer.name, type(layer)) for layer in layers]


def _is_plain(model):
    return {type(layer).__module__.split(".")[0] for layer in model._flatten_layers()} == {"keras"}


@pytest.mark.parametrize(("name", "how"), [*(("tiny", how) for how in WAYS), *REAL])
def test_a_merged_backbone_equals_the_adapted_one(build, tiny, images, outputs, shake, name, how):
    base = tiny if name == "tiny" else build(name, 32 if name == "vgg16" else 64)
    adapted, untrained = adapt(base, how), outputs(base, images)
    np.testing.assert_array_equal(outputs(adapted, images)["P5"], untrained["P5"])
    merged = merge(shake(adapted))
    expected = outputs(adapted, images)
    for level, value in outputs(merged, images).items():
        largest = np.abs(expected[level]).max()
        np.testing.assert_allclose(value, expected[level], rtol=1e-4, atol=1e-4 * largest)
        assert np.abs(expected[level] - untrained[level]).max() > 0.01 * largest
    assert _is_plain(merged)
    if not how.startswith("adapter"):
        assert _architecture(merged) == _architecture(base)
        if name != "tiny":  # there a depthwise convolution and a BatchNormalization lack what SSF needs
            assert [weight.shape for weight in merged.weights] == [weight.shape for weight in base.weights]


def test_a_merged_backbone_has_layers_of_its_own_and_all_of_it_trains(backbone):
    adapted = adapt(backbone, "lora:2", above="C3")
    merged = merge(adapted)
    assert not {id(layer) for layer in merged.layers} & {
        id(layer) for layer in (*adapted.layers, *backbone.layers)
    }
    frozen = {weight.path for weight in merged.weights} - {weight.path for weight in merged.trainable_weights}
    assert {path.rsplit("/", 1)[1] for path in frozen} == {"moving_mean", "moving_variance"}


def test_half_precision_is_merged_in_float32(make_tiny):
    base = make_tiny("mixed_bfloat16")
    adapted = adapt(base, "lora:2")
    for weight in adapted.trainable_weights:
        weight.assign(np.full(weight.shape, 0.001, "float32"))
    merged = merge(adapted)
    # two products of .001 * .001: a bfloat16 sum with weights of about .1 would lose it
    after, before = (keras.ops.convert_to_numpy(m.get_layer("last").kernel.value) for m in (merged, base))
    np.testing.assert_allclose(after - before, 2e-6, atol=5e-8)
    assert merged.get_layer("last").compute_dtype == "bfloat16"


@pytest.mark.parametrize("how", ["ssf", "adapter:4"])
def test_a_larger_model_moves_onto_the_merged_backbone(tiny, images, shake, with_head, how):
    adapted, images = adapt(tiny, how), images[:, :32, :32]
    model = shake(with_head(adapted))
    merged = merge(adapted, model)
    np.testing.assert_allclose(merged(images)["score"], model(images)["score"], rtol=1e-4)
    assert merged.name == model.name and list(merged.output) == ["score"]
    assert merged.get_layer("score") is model.get_layer("score") and _is_plain(merged)


def test_a_head_moves_onto_an_adapted_backbone(backbone, images, with_head):
    model, adapted = with_head(backbone), adapt(backbone, "lora:2")
    moved = transplant(model, backbone, adapted)
    np.testing.assert_array_equal(moved(images)["score"], model(images)["score"])
    head = {weight.path for weight in model.get_layer("score").weights}
    assert {w.path for w in moved.trainable_weights} == head | {w.path for w in adapted.trainable_weights}


@pytest.mark.parametrize("ways", [["adapter:4", "ssf"], pytest.param(WAYS, marks=pytest.mark.slow)])
def test_merged_models_load_in_safe_mode_without_this_package(
    tiny, images, outputs, shake, keras_alone, tmp_path, ways
):
    """Every day those that change the architecture; the others are the base's, as shown above."""
    np.save(tmp_path / "images.npy", images[:, :32, :32])
    for how in ways:
        merged = merge(shake(adapt(tiny, how)))
        name = how.partition(":")[0]
        merged.save(tmp_path / f"{name}.keras")
        np.savez(tmp_path / f"{name}.npz", **outputs(merged, images))
    script = """
        import glob, json, sys
        import keras, numpy as np
        images, off = np.load("images.npy"), {}
        for path in glob.glob("*.keras"):
            expected = np.load(path.replace(".keras", ".npz"))
            got = keras.saving.load_model(path, safe_mode=True)(images)
            off[path] = max(float(np.abs(got[k] - expected[k]).max()) for k in expected.files)
        print(json.dumps([off, sorted({"zoo", "cityzoo"} & set(sys.modules))]))
    """
    off, ours = json.loads(keras_alone(textwrap.dedent(script), folder=tmp_path))
    assert len(off) == len(ways) and max(off.values()) < 1e-5 and ours == []


def test_what_cannot_be_merged_is_refused(backbone, tiny, with_head):
    with pytest.raises(ValueError, match="'mobilenet_025' is not adapted"):
        merge(backbone)
    with pytest.raises(ValueError, match="outputs of 'mobilenet_025'"):
        merge(adapt(backbone, "lora:2"), with_head(tiny))
