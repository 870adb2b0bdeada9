"""Files in their own runtimes against the Keras model that they were made from."""

import keras
import numpy as np
import pytest

from cityzoo.backend import compiled
from cityzoo.errors import InputError
from cityzoo.export.write import FILES, write
from cityzoo.predict import measure_latency
from cityzoo.runtime import packages, runtime_model

PACKAGES = {
    "onnx": "tf2onnx",
    "litert": "ai_edge_litert",
    "openvino": "openvino",
    "saved_model": "tensorflow",
}


@pytest.fixture(scope="module")
def model():
    """Two inputs by name, two outputs by name, of different types and shapes."""
    keras.utils.set_random_seed(0)
    given = {"series": keras.Input((6, 2), name="series"), "day": keras.Input((), dtype="int32", name="day")}
    x = keras.layers.Dense(4, activation="relu")(given["series"])
    day = keras.layers.Embedding(7, 4)(given["day"])
    total = keras.layers.Dense(3)(keras.ops.mean(x, axis=1) + day)
    return keras.Model(given, {"total": total, "steps": keras.layers.Identity()(x)})


@pytest.fixture(scope="module")
def inputs():
    rng = np.random.default_rng(0)
    return {
        "series": rng.normal(size=(5, 6, 2)).astype("float32"),
        "day": rng.integers(0, 7, 5).astype("int32"),
    }


@pytest.mark.parametrize("fmt", list(FILES))
@pytest.mark.parametrize("dynamic", [True, False])
def test_a_file_answers_as_the_model(model, inputs, fmt, dynamic, tmp_path):
    pytest.importorskip(PACKAGES[fmt])
    if (fmt, dynamic) in (("litert", True), ("openvino", False), ("saved_model", False)):
        pytest.skip("as tested with the other formats")
    path = write(model, fmt, tmp_path, dynamic_batch=dynamic)
    file = runtime_model.open_model(path)
    assert {each.name: each.shape[0] for each in file.inputs} == dict.fromkeys(inputs, None if dynamic else 1)
    found, wanted = compiled(file)(inputs), compiled(model)(inputs)
    assert found.keys() == wanted.keys()
    for name, array in wanted.items():
        np.testing.assert_allclose(found[name], array, atol=1e-5)
    assert measure_latency(file, batch_size=2)["images_per_second"] > 0


@pytest.mark.parametrize("fmt", ["onnx", "litert"])
def test_a_layer_that_a_format_cannot_express_is_named(fmt, tmp_path, capfd):
    pytest.importorskip(PACKAGES[fmt])
    x = keras.Input((4,))
    odd = keras.layers.Lambda(lambda values: keras.ops.erfinv(values / 1e9), name="odd_layer")(x)
    with pytest.raises(InputError, match="cannot express layer 'odd_layer'"):
        write(keras.Model(x, {"y": odd}), fmt, tmp_path)
    assert "Erfinv" not in capfd.readouterr().err  # the converter's pages


def test_the_only_input_of_images_is_named_so(tmp_path):
    pytest.importorskip("tf2onnx")
    x = keras.Input((8, 8, 3), name="images_clone_3")
    path = write(keras.Model(x, {"y": keras.layers.Conv2D(1, 3)(x)}), "onnx", tmp_path)
    assert [each.name for each in runtime_model.open_model(path).inputs] == ["images"]


def test_the_digest_depends_on_every_file_and_on_the_runtime(tmp_path):
    class Silent(runtime_model.RuntimeModel):
        runtime = "silent"

        def open(self):
            pass

        def run(self, feeds):
            return feeds

    class Other(Silent):
        runtime = "other"

    (tmp_path / "m.xml").write_text("graph")
    (tmp_path / "m.bin").write_bytes(b"1")
    first = Silent(tmp_path / "m.xml").digest
    assert Other(tmp_path / "m.xml").digest != first
    (tmp_path / "m.bin").write_bytes(b"2")
    assert Silent(tmp_path / "m.xml").digest != first


def test_unusable_files(tmp_path):
    (tmp_path / "a.pt").write_text("")
    with pytest.raises(InputError, match="no exported model"):
        runtime_model.open_model(tmp_path / "a.pt")
    pytest.importorskip("onnxruntime")
    (tmp_path / "a.onnx").write_bytes(b"no protobuf")
    with pytest.raises(InputError, match="cannot load"):
        runtime_model.open_model(tmp_path / "a.onnx")


def test_a_missing_package_is_named_with_its_extra():
    with pytest.raises(InputError, match=r'pip install "cityzoo\[export\]"'):
        packages.require("no_such_package", "--format onnx")
