"""A model and what it carries, through saving, loading and float32."""

import json

import keras
import numpy as np
import pytest

from cityzoo.errors import InputError
from cityzoo.model import (
    LOW,
    assemble,
    class_names,
    count_parameters,
    dtype_policy,
    float32_copy,
    lend,
    load,
    save,
)
from cityzoo.outputs.detection import Detection

NAMES = [
    ("car",),
    ("police car", "e-scooter", "St. Nikolaus", "straßenbahn", "Übergang"),
    ("a.b", "a-b", "a_b", "a~b", "a/b", "a%2Fb", "a+b", "a:0"),
    ("自転車", "🚲", "Bus", "bus"),
]


def noise(size_hw=(64, 64), batch=2):
    """Images of noise."""
    return np.random.default_rng(0).uniform(0, 255, (batch, *size_hw, 3)).astype("float32")


@pytest.mark.parametrize("names", NAMES, ids=lambda names: str(len(names)))
def test_class_names_come_back_from_the_file(names, small_zoo, tmp_path):
    """Blanks, dots, dashes, umlauts and what else people call things; also from a copy in float32."""
    model = assemble("slim", Detection(names), (64, 64)).model
    assert class_names(model) == names
    save(float32_copy(model), tmp_path / "model.keras")
    assert class_names(load(tmp_path / "model.keras")) == names


def test_a_foreign_model_carries_no_class_names():
    """Anybody's Keras model."""
    images = keras.Input((4,))
    with pytest.raises(InputError, match="carries no class names"):
        class_names(keras.Model(images, keras.layers.Dense(1)(images)))


def test_arithmetic_is_put_back_also_after_an_error():
    """Later layers must not be built under a policy that somebody forgot."""
    before = keras.config.dtype_policy().name
    with pytest.raises(RuntimeError), dtype_policy(LOW):
        assert keras.config.dtype_policy().name == LOW
        raise RuntimeError
    assert keras.config.dtype_policy().name == before


def every_layer(model):
    """Layers with what they hold inside."""
    return [part for layer in model.layers for part in layer._flatten_layers()]


def test_float32_copy_of_a_mixed_model(small_zoo):
    """Every layer in float32, outputs near, weights the same and not shared."""
    mixed = assemble("slim", Detection(("car", "bus")), (64, 64), policies=(LOW, LOW)).model
    assert {layer.compute_dtype for layer in every_layer(mixed)} == {"bfloat16", "float32"}
    for layer in mixed.layers:
        layer.trainable = False
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.synchronized = True
    twin = float32_copy(mixed)
    for layer in every_layer(twin):
        assert layer.compute_dtype == layer.variable_dtype == "float32", layer.name
        assert not getattr(layer, "synchronized", False), layer.name
    assert all(layer.trainable for layer in twin.layers)
    near = np.asarray(twin(noise()))
    apart = np.abs(np.asarray(mixed(noise())) - near)
    assert 0 < apart.mean() < 0.02 * np.abs(near).mean()
    before = mixed.get_weights()
    twin.set_weights([weight + 1 for weight in twin.get_weights()])
    for old, now in zip(before, mixed.get_weights(), strict=True):
        assert (old == now).all()


LOADER = """
import json, sys
import keras, numpy as np

model = keras.saving.load_model(sys.argv[1], safe_mode=True)
outputs = np.asarray(model(np.load(sys.argv[2])))
np.save(sys.argv[3], outputs)
print(json.dumps({"ours": [m for m in sys.modules if m.split(".")[0] in ("cityzoo", "zoo", "heads", "augment")],
                  "classes": [layer.name for layer in model.layers if layer.name.startswith("classes.")]}))
"""


def test_plain_keras_loads_the_file_in_another_process(keras_alone, tmp_path):
    """Safe mode, none of our packages at hand, a real backbone trained in bfloat16: the same outputs to 1e-5."""
    mixed = assemble("mobilenet_025", Detection(("car", "Bus")), (64, 96), "random", (LOW, LOW)).model
    twin = float32_copy(mixed)
    save(twin, tmp_path / "model.keras")
    np.save(tmp_path / "images.npy", noise((64, 96)))
    files = [str(tmp_path / name) for name in ("model.keras", "images.npy", "outputs.npy")]
    assert json.loads(keras_alone(LOADER, *files, folder=tmp_path)) == {
        "ours": [],
        "classes": ["classes.car.Bus"],
    }
    expected = np.asarray(twin(noise((64, 96))))
    assert np.load(files[2]) == pytest.approx(expected, rel=1e-5, abs=1e-5)
    assert np.isfinite(expected).all()


def test_saving_is_whole_or_not_at_all(small_zoo, tmp_path, monkeypatch):
    """A disk that fills up leaves the file of the epoch before, and nothing beside it."""
    model = assemble("slim", Detection(("car",)), (32, 32)).model
    save(model, tmp_path / "model.keras")
    before = (tmp_path / "model.keras").read_bytes()

    def half(path):
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(model, "save", half)
    with pytest.raises(OSError):
        save(model, tmp_path / "model.keras")
    assert (tmp_path / "model.keras").read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["model.keras"]


@pytest.mark.parametrize("content", [None, b"", b"no zip", b"PK\x03\x04 half a zip"])
def test_what_is_no_model_is_refused(tmp_path, content):
    """Not there, empty, something else, cut short: one line."""
    path = tmp_path / "model.keras"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        load(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_a_model_file_that_was_cut_short_is_refused(small_zoo, tmp_path):
    """The first half of a real one."""
    path = tmp_path / "model.keras"
    save(assemble("slim", Detection(("car",)), (32, 32)).model, path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(InputError):
        load(path)


def test_parameters_by_hand():
    """3 x 4 weights and 4 biases."""
    images = keras.Input((3,))
    assert count_parameters(keras.Model(images, keras.layers.Dense(4)(images)).weights) == 16


def dense(path, weight, units=1):
    """Write a model that multiplies by a weight, and return it."""
    images = keras.Input((1,), name="input")
    model = keras.Model(images, keras.layers.Dense(units, use_bias=False, name="only")(images), name="dense")
    model.set_weights([np.full((1, units), weight, "float32")])
    save(model, path)
    return model


def test_a_twin_is_lent_with_the_weights_of_a_file_and_gets_its_own_back(tmp_path):
    """A network of another architecture, and a damaged file, are loaded as they are: the twin stays what it was."""
    twin = dense(tmp_path / "best.keras", 3.0)
    dense(tmp_path / "before.keras", 2.0)
    dense(tmp_path / "wide.keras", 5.0, units=2)
    (tmp_path / "broken.keras").write_bytes(b"PK")
    ours = twin, tmp_path / "best.keras"
    with lend(tmp_path / "before.keras", ours) as lent:
        assert lent is twin and lent.get_weights()[0].tolist() == [[2.0]]
    with lend(tmp_path / "wide.keras", ours) as lent:
        assert lent is not twin and lent.get_weights()[0].tolist() == [[5.0, 5.0]]
    with pytest.raises(InputError, match="not a model"), lend(tmp_path / "broken.keras", ours):
        pass
    assert twin.get_weights()[0].tolist() == [[3.0]]
