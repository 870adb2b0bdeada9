import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

import zoo
from zoo.surgery import operations
from zoo.surgery.activation import swap_activation
from zoo.surgery.attention import insert_attention
from zoo.surgery.insertion import add_dropout, residual_branches, stochastic_depth
from zoo.surgery.operations import truncate

ROOT = Path(__file__).resolve().parents[3]
MUCH = "attention:se:C3, attention:cbam:C4+C5, activation:hard_swish, dropout:0.1:C5, depth:0.2"
LOAD_ALONE = """
import sys, numpy as np, keras
model = keras.saving.load_model("model.keras", safe_mode=True, compile=False)
values = model(np.load("images.npy"))
np.savez("found.npz", **{key: keras.ops.convert_to_numpy(value) for key, value in values.items()})
assert not [name for name in sys.modules if name.split('.')[0] in ('zoo', 'cityzoo')]
"""


def test_words_are_read_in_order():
    assert operations.parse(
        "truncate:C4, attention:se:C3+C4,activation:swish:relu6,dropout:0.1:C4,depth:0.2"
    ) == [
        (truncate, {"at": "C4"}),
        (insert_attention, {"kind": "se", "after": ("C3", "C4")}),
        (swap_activation, {"to": "silu", "from_": "relu6"}),
        (add_dropout, {"rate": 0.1, "after": ("C4",)}),
        (stochastic_depth, {"rate": 0.2}),
    ]
    assert operations.parse("activation:gelu") == [(swap_activation, {"to": "gelu"})]
    assert operations.parse("") == operations.parse(" ") == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("trunkate:C4", "unknown operation 'trunkate': did you mean 'truncate'? Allowed: truncate, att"),
        ("truncate", "invalid operation 'truncate': expected truncate:STAGE, e.g. truncate:C4"),
        ("truncate:c4", "operation 'truncate:c4': unknown stage 'c4': did you mean 'C4'?"),
        ("attention:C4", "'attention:C4': expected attention:se|cbam:STAGE[+STAGE], e.g. att"),
        ("attention:sa:C4", "unknown kind of attention 'sa': did you mean 'se'?"),
        ("attention:se:C4:C5", "expected attention:se|cbam:STAGE[+STAGE]"),
        ("activation:sillu", "unknown activation 'sillu': did you mean 'silu'?"),
        ("activation:silu:", "expected activation:TO[:FROM]"),
        ("dropout:2:C5", "operation 'dropout:2:C5': invalid rate '2'"),
        ("dropout:0.1:C5+C5", "stages C5+C5 repeat"),
        ("depth:", "invalid operation 'depth:': expected depth:RATE, e.g. depth:0.1"),
        ("depth:0.1,", "unknown operation ''"),
    ],
)
def test_words_that_mean_nothing_are_answered_in_one_line(text, said):
    with pytest.raises(ValueError) as caught:
        operations.parse(text)
    assert said in str(caught.value) and "\n" not in str(caught.value)


def test_reading_words_loads_nothing_heavy():
    script = (
        "import sys; from zoo.surgery.operations import parse; parse('truncate:C4,attention:se:C3');"
        "sys.exit(bool({'keras', 'tensorflow', 'jax'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", script], cwd=ROOT).returncode == 0


def test_operations_are_done_in_their_order(backbone, assert_same):
    changed = operations.operate(backbone, "truncate:C4, attention:se:C3+C4, dropout:0.1:C4")
    assert zoo.pyramid_outputs(changed)["C4"] == "dropout_C4"
    assert_same(changed, truncate(backbone, "C4"))
    assert operations.operate(backbone, "") is backbone
    with pytest.raises(ValueError, match="no stage 'C5'"):
        operations.operate(backbone, "truncate:C4, attention:se:C5")


@pytest.mark.parametrize("name", ["tiny", pytest.param("mobilenet_v2_035", marks=pytest.mark.slow)])
def test_a_saved_backbone_loads_with_keras_alone_and_can_be_operated_again(
    name, build, images, outputs, keras_alone, tmp_path
):
    changed = operations.operate(build(name), MUCH)
    rng = np.random.default_rng(0)
    for layer in changed.layers:
        if layer.name.startswith(("se_", "cbam_")):
            layer.set_weights([rng.normal(0, 0.1, weight.shape) for weight in layer.get_weights()])
    changed.save(tmp_path / "model.keras")
    np.save(tmp_path / "images.npy", images)
    keras_alone(LOAD_ALONE, folder=tmp_path)
    with np.load(tmp_path / "found.npz") as found:
        for level, value in outputs(changed).items():
            np.testing.assert_allclose(found[level], value, rtol=1e-4, atol=1e-5)
    loaded = keras.saving.load_model(tmp_path / "model.keras", compile=False)
    again = operations.operate(loaded, "attention:cbam:C3, depth:0.3, activation:relu:hard_swish")
    assert zoo.pyramid_outputs(again)["C3"] == "cbam_C3"


@pytest.mark.parametrize("name", ["tiny", pytest.param("mobilenet_v2_035", marks=pytest.mark.slow)])
def test_the_arithmetic_of_the_backbone_is_kept(name, make, images, outputs):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        backbone = make(name)
    finally:
        keras.config.set_dtype_policy(before)
    weighed = operations.operate(backbone, "attention:se:C3, attention:cbam:C4, dropout:0.1:C5, depth:0.2")
    known = {layer.name for layer in backbone.layers}
    new = [layer for layer in weighed.layers if layer.name not in known]
    # squeeze-excite, CBAM, dropout and a layer for every branch
    assert len(new) == 6 + 17 + 1 + len(residual_branches(backbone))
    assert {layer.dtype_policy.name for layer in new} == {"mixed_bfloat16"}
    found = outputs(weighed)
    for level, value in outputs(backbone).items():
        np.testing.assert_array_equal(found[level], value)
    swapped = operations.operate(backbone, "activation:silu")
    assert {layer.dtype_policy.name for layer in swapped.layers if layer.weights} == {"mixed_bfloat16"}
    assert {layer.compute_dtype for layer in swapped.layers if layer.name.endswith("relu")} == {"bfloat16"}


def test_an_adapted_backbone_is_refused(backbone):
    adapted = zoo.adapt(backbone, "ssf", above="C4")
    zoo.freeze(backbone, "none")
    with pytest.raises(ValueError, match="is adapted already"):
        operations.operate(adapted, "depth:0.1")
