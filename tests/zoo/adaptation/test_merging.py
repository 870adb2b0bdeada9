import json
import subprocess
import sys
import textwrap

import keras
import numpy as np
import pytest

import zoo
from zoo.adaptation.adapting import adapt
from zoo.adaptation.merging import merge, transplant

WAYS = ["lora:2", "adalora:2", "adapter:4", "bias", "norm", "ssf"]
OTHERS = [("vgg16", "ssf"), ("vgg16", "bias"), ("efficientnet_v2_b0", "ssf"), ("convnext_tiny", "ssf")]
OTHERS += [("convnext_tiny", "lora:2")]


def _assert_close(got, expected):
    for level, value in expected.items():
        np.testing.assert_allclose(got[level], value, rtol=1e-4, atol=1e-4 * np.abs(value).max())


@pytest.mark.parametrize(("name", "how"), [*(("mobilenet_025", how) for how in WAYS), *OTHERS])
def test_a_merged_backbone_equals_the_adapted_one(build, images, outputs, shake, name, how):
    base = build(name, 64 if name in ("mobilenet_025", "efficientnet_v2_b0") else 32)
    adapted = shake(adapt(base, how))
    merged = merge(adapted)
    expected, untrained = outputs(adapted, images), outputs(base, images)
    _assert_close(outputs(merged, images), expected)
    assert np.abs(expected["P5"] - untrained["P5"]).max() > 0.01 * np.abs(untrained["P5"]).max()
    assert {type(layer).__module__.split(".")[0] for layer in merged._flatten_layers()} == {"keras"}
    if not how.startswith("adapter"):
        assert [(layer.name, type(layer)) for layer in merged._flatten_layers()] == [
            (layer.name, type(layer)) for layer in base._flatten_layers()
        ]
        assert [weight.shape for weight in merged.weights] == [weight.shape for weight in base.weights]


def test_a_merged_backbone_has_layers_of_its_own_and_all_of_it_trains(backbone):
    adapted = adapt(backbone, "lora:2", above="C3")
    merged = merge(adapted)
    assert not {id(layer) for layer in merged.layers} & {
        id(layer) for layer in (*adapted.layers, *backbone.layers)
    }
    frozen = {weight.name for weight in merged.weights} - {weight.name for weight in merged.trainable_weights}
    assert frozen == {"moving_mean", "moving_variance"}


def test_half_precision_is_merged_in_float32(images):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        adapted = adapt(zoo.build("mobilenet_025", 64, weights="random").model, "lora:2")
        for weight in adapted.trainable_weights:
            weight.assign(np.full(weight.shape, 0.001, "float32"))
        kernel = merge(adapted).get_layer("conv_pw_1").kernel
    finally:
        keras.config.set_dtype_policy("float32")
    before = adapted.adaptation.base.get_layer("conv_pw_1").kernel
    # two products of .001 * .001: a bfloat16 sum with weights of about .3 would lose it
    np.testing.assert_allclose(np.asarray(kernel) - np.asarray(before), 2e-6, atol=5e-8)


@pytest.mark.parametrize("how", ["ssf", "adapter:4"])
def test_a_larger_model_moves_onto_the_merged_backbone(backbone, images, shake, with_head, how):
    adapted = adapt(backbone, how)
    model = with_head(adapted)
    shake(model)
    merged = merge(adapted, model)
    np.testing.assert_allclose(merged(images)["score"], model(images)["score"], rtol=1e-4)
    assert merged.name == model.name and list(merged.output) == ["score"]
    assert merged.get_layer("score") is model.get_layer("score")
    assert {type(layer).__module__.split(".")[0] for layer in merged._flatten_layers()} == {"keras"}


def test_a_head_moves_onto_an_adapted_backbone(backbone, images, with_head):
    model, adapted = with_head(backbone), adapt(backbone, "lora:2")
    moved = transplant(model, backbone, adapted)
    np.testing.assert_array_equal(moved(images)["score"], model(images)["score"])
    head = {weight.path for weight in model.get_layer("score").weights}
    assert {w.path for w in moved.trainable_weights} == head | {w.path for w in adapted.trainable_weights}


def test_merged_models_load_in_safe_mode_without_this_package(backbone, images, outputs, shake, tmp_path):
    np.save(tmp_path / "images.npy", images)
    for how in WAYS:
        merged = merge(shake(adapt(backbone, how)))
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
    ran = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    off, ours = json.loads(ran.stdout.splitlines()[-1])
    assert len(off) == len(WAYS) and max(off.values()) < 1e-5 and ours == []


def test_what_cannot_be_merged_is_refused(backbone, build, with_head):
    with pytest.raises(ValueError, match="'mobilenet_025' is not adapted"):
        merge(backbone)
    adapted = adapt(backbone, "lora:2")
    with pytest.raises(ValueError, match="does not stand on the outputs of 'mobilenet_025' alone"):
        merge(adapted, with_head(build("mobilenet_v2_035")))
