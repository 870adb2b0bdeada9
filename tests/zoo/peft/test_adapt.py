import keras
import numpy as np
import pytest

import zoo
from zoo.peft.adapt import adapt, freeze_base, shares

TRAINED = {  # names of the weights that each way trains
    "lora:2": {"lora_kernel_a", "lora_kernel_b"},
    "adalora:2": {"svd_p", "svd_lambda", "svd_q"},
    "adapter:4": {"kernel", "bias"},
    "bias": {"bias", "beta"},
    "norm": {"gamma", "beta"},
    "ssf": {"gamma", "beta"},
}
WAYS = list(TRAINED)


def _state(model):
    return {id(weight): keras.ops.convert_to_numpy(weight.value).copy() for weight in model.weights}


def _moved(before, model):
    return {
        weight.path
        for weight in model.weights
        if not np.array_equal(before[id(weight)], keras.ops.convert_to_numpy(weight.value))
    }


def _fit(model, images, compiled=False):
    """Two steps: in the first, LoRA's A and the like get no gradient, since the other factor is zero."""
    model.compile(
        keras.optimizers.Adam(0.01), {"score": "mse"}, run_eagerly=not compiled
    )  # tracing takes longer
    model.fit(images, {"score": np.arange(4.0)}, batch_size=2, epochs=1, verbose=0)


@pytest.mark.parametrize(
    ("name", "how"), [*(("mobilenet_025", how) for how in WAYS), ("mobilenet_v2_035", "adapter:4")]
)
def test_an_adapted_backbone_starts_as_the_base_bit_for_bit(build, images, outputs, name, how):
    base = build(name)
    adapted = adapt(base, how)
    for level, value in outputs(base, images).items():
        np.testing.assert_array_equal(outputs(adapted, images)[level], value)
    assert adapted.name == base.name
    assert {k: t.shape for k, t in adapted.output.items()} == {k: t.shape for k, t in base.output.items()}
    stages, expected = zoo.stages(adapted), zoo.stages(base)
    assert {k: t.shape for k, t in stages.items()} == {k: t.shape for k, t in expected.items()}


@pytest.mark.parametrize("how", WAYS)
def test_fitting_moves_the_adapted_weights_and_nothing_else(tiny, images, with_head, how):
    base, adapted = _state(tiny), adapt(tiny, how)
    before = _state(adapted)
    _fit(with_head(adapted), images[:, :32, :32], compiled=how == "lora:2")
    moved = _moved(before, adapted)
    assert moved == {weight.path for weight in adapted.trainable_weights}
    assert {path.rsplit("/", 1)[1] for path in moved} == TRAINED[how]
    if how in ("adapter:4", "ssf"):
        assert not {path.split("/")[-2] for path in moved} & {layer.name for layer in tiny._flatten_layers()}
    assert not _moved(base, tiny)


def test_fitting_a_real_backbone_moves_no_statistics(backbone, images, with_head):
    adapted = adapt(backbone, "norm", above="C4")
    before = _state(adapted)
    _fit(with_head(adapted), images)
    assert {path.rsplit("/", 1)[1] for path in _moved(before, adapted)} == {"gamma", "beta"}


@pytest.mark.parametrize("how", WAYS)
def test_half_precision_starts_alike_and_learns_in_float32(make_tiny, images, with_head, how):
    base, images = make_tiny("mixed_bfloat16"), images[:, :32, :32]
    adapted = adapt(base, how)
    expected = keras.ops.convert_to_numpy(keras.ops.cast(base(images)["P5"], "float32"))
    np.testing.assert_array_equal(keras.ops.cast(adapted(images)["P5"], "float32"), expected)
    assert {weight.dtype for weight in adapted.trainable_weights} == {"float32"}
    assert "bfloat16" in str(adapted.output["P5"].dtype)
    if how == "ssf":  # of layers that are not Keras' own
        before = _state(adapted)
        _fit(with_head(adapted), images)
        assert _moved(before, adapted) == {weight.path for weight in adapted.trainable_weights}


@pytest.mark.parametrize("how", WAYS)
def test_above_a_stage_the_prefix_stays_the_very_same(backbone, images, outputs, how):
    adapted = adapt(backbone, how, above="C3")
    assert zoo.stages(adapted)["C3"] is zoo.stages(backbone)["C3"]
    first = zoo.prefix(adapted, "C3")
    assert {id(layer) for layer in first.layers} == {id(layer) for layer in zoo.prefix(backbone, "C3").layers}
    assert [train > 0 for train, _ in shares(adapted).by_stage.values()] == [False, False, False, True, True]
    rest = zoo.suffix(first, adapted)
    assert len(rest.trainable_weights) == len(adapted.trainable_weights) > 0
    features = first(images)
    for level, value in outputs(adapted, images).items():
        np.testing.assert_allclose(rest(features)[level], value, rtol=1e-5, atol=1e-5)


def test_above_a_late_stage_the_earlier_levels_are_handed_on(backbone, images, outputs):
    adapted = adapt(backbone, "lora:2", above="C4")
    assert adapted.output["P3"] is backbone.output["P3"]
    np.testing.assert_array_equal(outputs(adapted, images)["P3"], outputs(backbone, images)["P3"])


def test_shares_by_hand():
    images = keras.Input((32, 32, 3))
    one = keras.layers.Conv2D(8, 3, strides=2, padding="same", name="one")(images)  # 3*3*3*8 + 8 = 224
    normed = keras.layers.BatchNormalization()(one)  # 4 * 8 = 32
    two = keras.layers.Conv2D(4, 1, strides=2, name="two")(normed)  # 8*4 + 4 = 36
    base = keras.Model(images, {"P2": two})
    report = shares(adapt(base, "lora:2"))
    # one: 27*2 + 2*8 = 70; two: 8*2 + 2*4 = 24
    assert report.by_stage == {"C1": (70, 256), "C2": (24, 36)}
    assert (report.trainable, report.base, report.share) == (94, 292, 94 / 292)
    assert str(report).splitlines()[-1].split() == ["backbone", "94", "292", "32.19%"]
    assert shares(adapt(base, "ssf")).by_stage == {"C1": (16, 256), "C2": (8, 36)}
    assert shares(adapt(base, "bias")).by_stage == {"C1": (16, 256), "C2": (4, 36)}


def test_freezing_up_to_a_stage_and_back(backbone):
    adapted = adapt(backbone, "ssf")
    everything = shares(adapted)
    late = freeze_base(adapted, "C4")
    assert late.by_stage["C4"][0] == 0 and late.by_stage["C5"] == everything.by_stage["C5"]
    assert freeze_base(adapted, "backbone").trainable == 0
    zoo.freeze(adapted, "none")  # unfreezes the base as well, which is why freeze_base is there
    assert adapted.get_layer("conv_pw_1").kernel.trainable
    assert freeze_base(adapted) == everything and not adapted.get_layer("conv_pw_1").kernel.trainable
    with pytest.raises(ValueError, match="no stage 'C7' to freeze"):
        freeze_base(adapted, "C7")


def test_weights_inside_a_sequential_are_frozen_and_trained_alike(tiny):
    adapted = adapt(tiny, "lora:2")
    assert {weight.name for weight in adapted.trainable_weights} == {"lora_kernel_a", "lora_kernel_b"}
    block = adapted.get_layer("down")
    assert isinstance(block, keras.Sequential)
    assert [weight.name for weight in block.trainable_weights] == ["lora_kernel_a", "lora_kernel_b"]
    assert not freeze_base(adapted, "backbone").trainable and not block.trainable_weights


@pytest.mark.parametrize("how", ["lora:2", "adalora:2", "adapter:4"])
def test_the_seed_decides_where_it_starts(tiny, how):
    first, again, other = (adapt(tiny, how, seed=seed).trainable_weights for seed in (0, 0, 7))
    for one, two in zip(first, again, strict=True):
        np.testing.assert_array_equal(one, two)
    random = [(a, b) for a, b in zip(first, other, strict=True) if np.ptp(a) > 0]
    assert random and not any(np.array_equal(a, b) for a, b in random)


def test_layers_alike_start_differently(backbone):
    adapted = adapt(backbone, "lora:2")  # blocks 7 to 11 of MobileNet 0.25 have 128 channels each
    first, second = (
        keras.ops.convert_to_numpy(adapted.get_layer(f"conv_pw_{n}").lora_kernel_a) for n in (8, 9)
    )
    assert first.shape == second.shape and not np.allclose(first, second)


@pytest.mark.parametrize("how", WAYS)
def test_a_copy_by_config_takes_the_weights_in_their_order(tiny, images, outputs, shake, how):
    adapted = shake(adapt(tiny, how))
    twin = keras.Model.from_config(adapted.get_config())
    twin.set_weights(adapted.get_weights())
    for level, value in outputs(adapted, images).items():
        np.testing.assert_array_equal(outputs(twin, images)[level], value)


@pytest.mark.parametrize("how", WAYS)
def test_an_adapted_model_saves_and_loads_in_safe_mode(tiny, images, outputs, shake, how, tmp_path):
    adapted = shake(adapt(tiny, how))
    adapted.save(tmp_path / "adapted.keras")
    loaded = keras.saving.load_model(tmp_path / "adapted.keras", safe_mode=True)
    for level, value in outputs(adapted, images).items():
        np.testing.assert_allclose(outputs(loaded, images)[level], value, rtol=1e-5, atol=1e-6)


def test_what_cannot_be_adapted_is_refused(build, backbone):
    with pytest.raises(ValueError, match="did you mean 'lora:RANK'"):
        adapt(backbone, "lorra:8")
    with pytest.raises(ValueError, match="no stage 'C9'. Stages: C1, C2, C3, C4, C5"):
        adapt(backbone, "lora:8", above="C9")
    with pytest.raises(ValueError, match="'adapter:8' finds nothing to adapt in .* 'mobilenet_025' after C5"):
        adapt(backbone, "adapter:8", above="C5")
    with pytest.raises(
        ValueError, match="'norm' finds nothing to adapt in backbone 'vgg16': use another method"
    ):
        adapt(build("vgg16", 32), "norm")
    with pytest.raises(ValueError, match="already adapted by 'lora:2'"):
        adapt(adapt(backbone, "lora:2"), "bias")
    with pytest.raises(ValueError, match="is not adapted: give a backbone from zoo.adapt"):
        freeze_base(backbone)
