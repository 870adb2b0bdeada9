import dataclasses
import functools
import http.server
import logging
import shutil
import threading
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest

import zoo
from zoo import pretrained, registry
from zoo.weights_file import _by_key, _twin_layers, load_file

SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "weights"
IMAGES = np.random.default_rng(0).uniform(0, 255, (1, 64, 64, 3)).astype("float32")


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """Give Keras a cache of its own."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    return tmp_path / "keras" / "models"


@pytest.fixture
def table(monkeypatch):
    """Change where the weights of mobilenet_025 are published, and their hash."""

    def change(url, file_hash=None):
        family = dataclasses.replace(registry.FAMILIES["mobilenet"], url=url)
        monkeypatch.setitem(registry.FAMILIES, "mobilenet", family)
        row = dataclasses.replace(registry.get("mobilenet_025"), weights_hash=file_hash)
        monkeypatch.setitem(registry.BACKBONES, "mobilenet_025", row)

    return change


@pytest.fixture
def offline(table):
    table("http://127.0.0.1:9/mobilenet_{id}.h5")  # the discard port: refused at once


@pytest.fixture(scope="module")
def donor():
    keras.utils.set_random_seed(1)
    return keras.applications.MobileNet(include_top=False, weights=None, alpha=0.25, input_shape=(64, 64, 3))


@pytest.fixture(scope="module")
def files(donor, tmp_path_factory):
    """Write the donor's weights in every format, under names that say the wrong thing."""
    folder = tmp_path_factory.mktemp("weights")
    donor.save_weights(folder / "keras3.weights.h5")
    shutil.copy(folder / "keras3.weights.h5", folder / "plain.h5")
    _write_legacy(donor, folder / "legacy.h5")
    shutil.copy(folder / "legacy.h5", folder / "legacy.weights.h5")
    return folder


def _write_legacy(model, path):
    """Write what Keras 2 wrote: a group a layer, named in attributes."""
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [layer.name.encode() for layer in model.layers]
        for layer in model.layers:
            group = file.create_group(layer.name)
            named = [(f"{layer.name}/{index}:0", value) for index, value in enumerate(layer.get_weights())]
            group.attrs["weight_names"] = [name.encode() for name, _ in named]
            for name, value in named:
                group[name] = value


def _assert_holds(model, donor):
    for got, expected in zip(model.get_weights(), donor.get_weights(), strict=True):
        np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("file", ["keras3.weights.h5", "plain.h5", "legacy.h5", "legacy.weights.h5"])
def test_a_file_is_read_by_what_it_holds(file, files, donor):
    built = zoo.build("mobilenet_025", 64, weights=files / file)
    _assert_holds(built.model, donor)
    assert built.origin.kind == "file"
    assert built.origin.sha256 == pretrained.sha256(files / file)


def test_a_file_with_the_classifier_loads_into_the_network_without(tmp_path):
    keras.utils.set_random_seed(2)
    whole = keras.applications.MobileNet(weights=None, alpha=0.25)
    whole.save_weights(tmp_path / "whole.weights.h5")
    _write_legacy(whole, tmp_path / "whole.h5")
    for file in ("whole.weights.h5", "whole.h5"):
        model = zoo.build("mobilenet_025", 64, weights=tmp_path / file).model
        expected = whole.get_weights()[: len(model.weights)]
        for got, value in zip(model.get_weights(), expected, strict=True):
            np.testing.assert_array_equal(got, value)


def test_a_model_of_ours_gives_its_backbone(tmp_path):
    keras.utils.set_random_seed(3)
    trained = zoo.build("mobilenet_025", 64, weights="random").model
    pooled = keras.layers.GlobalAveragePooling2D()(trained.output["P5"])
    keras.Model(trained.inputs[0], keras.layers.Dense(2)(pooled)).save(tmp_path / "model.keras")
    again = zoo.build("mobilenet_025", (32, 96), weights=tmp_path / "model.keras").model
    _assert_holds(again, trained)
    with pytest.raises(ValueError, match="is not of vgg16: at block1_conv1 the file has nothing"):
        zoo.build("vgg16", 32, weights=tmp_path / "model.keras")


def _numbered():
    """A backbone of unnamed layers: a convolution, a norm, and a convolution of another size."""
    images = keras.Input((8, 8, 3))
    x = keras.layers.BatchNormalization()(keras.layers.Conv2D(4, 3)(images))
    return keras.Model(images, {"P3": keras.layers.Conv2D(5, 1)(x)})


def test_layers_that_keras_numbers_itself_are_found_in_a_saved_model(tmp_path):
    """Their numbers differ from one model to the next, and those of the head come after them."""
    trained = _numbered()
    head = keras.layers.Conv2D(8, 1)(trained.output["P3"])
    keras.Model(trained.inputs[0], head).save(tmp_path / "model.keras")
    keras.layers.Conv2D(1, 1), keras.layers.BatchNormalization()
    again = _numbered()
    assert [layer.name for layer in again.layers] != [layer.name for layer in trained.layers]
    load_file(again, tmp_path / "model.keras", "it", _numbered)
    _assert_holds(again, trained)


@pytest.mark.slow
def test_layers_that_keras_numbers_itself_are_found_in_a_model_of_ours(tmp_path):
    """EfficientNet's Normalization, Xception's shortcuts: their numbers differ from one model to the next."""
    keras.layers.Conv2D(1, 1), keras.layers.BatchNormalization()
    trained = zoo.build("xception", 96, weights="random").model
    neck = keras.layers.Conv2D(8, 1)(trained.output["P3"])
    keras.Model(trained.inputs[0], [neck, trained.output["P5"]]).save(tmp_path / "model.keras")
    again = zoo.build("xception", 96, weights=tmp_path / "model.keras").model
    images = np.random.default_rng(0).uniform(0, 255, (1, 96, 96, 3)).astype("float32")
    np.testing.assert_allclose(again(images)["P4"], trained(images)["P4"], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "name", ["mobilenet_v2_035", *(pytest.param(n, marks=pytest.mark.slow) for n in registry.names())]
)
def test_the_network_with_classifier_holds_the_one_without(name):
    """Layer by layer, though not in one order: ConvNeXt and NASNetLarge arrange theirs differently."""
    row = registry.get(name)
    builder, shape = getattr(keras.applications, row.builder), (row.default_size, row.default_size, 3)
    whole, bare = (
        builder(include_top=top, weights=None, input_shape=shape, **row.kwargs) for top in (True, False)
    )
    given, wanted = _twin_layers(whole, bare), _by_key(bare)
    for key, layer in wanted.items():
        assert [w.shape for w in layer.weights] == [w.shape for w in given[key].weights]
    assert 1 <= len(_by_key(whole)) - len(wanted) <= 3


@pytest.mark.slow
def test_a_file_with_the_classifier_of_convnext_loads(tmp_path):
    whole = keras.applications.ConvNeXtTiny(weights=None)
    whole.save_weights(tmp_path / "whole.weights.h5")
    images = np.random.default_rng(0).uniform(0, 255, (1, 224, 224, 3)).astype("float32")
    model = zoo.build("convnext_tiny", 224, weights=tmp_path / "whole.weights.h5").model
    tap = keras.Model(whole.inputs[0], whole.get_layer("convnext_tiny_downsampling_block_2").output)
    assert tap(images).shape == (1, 7, 7, 768)
    own = keras.Model(model.inputs[0], model.get_layer("convnext_tiny_downsampling_block_2").output)
    np.testing.assert_allclose(own(images), tap(images), rtol=1e-3, atol=1e-4)


def test_a_long_legacy_list_of_layers_in_pieces_is_read(files, donor, tmp_path):
    shutil.copy(files / "legacy.h5", tmp_path / "pieces.h5")
    with h5py.File(tmp_path / "pieces.h5", "a") as file:
        layers = file.attrs["layer_names"]
        del file.attrs["layer_names"]
        file.attrs["layer_names0"], file.attrs["layer_names1"] = layers[:40], layers[40:]
    _assert_holds(zoo.build("mobilenet_025", 64, weights=tmp_path / "pieces.h5").model, donor)


@pytest.mark.parametrize("file", ["keras3.weights.h5", "legacy.h5"])
def test_another_architecture_is_named_with_the_first_difference(file, files):
    with pytest.raises(ValueError) as caught:
        zoo.build("mobilenet_050", 64, weights=files / file)
    message = str(caught.value)
    assert file in message and "not of mobilenet_050" in message and "\n" not in message
    # The stem has 32 filters times the width: 8 against 16.
    assert "8" in message and "16" in message


def test_a_file_of_another_family_is_refused(files):
    with pytest.raises(ValueError, match="not of mobilenet_v2_035: at layers/"):
        zoo.build("mobilenet_v2_035", 32, weights=files / "plain.h5")


def test_half_a_file_is_an_error(files, tmp_path):
    with (
        h5py.File(files / "keras3.weights.h5") as source,
        h5py.File(tmp_path / "half.weights.h5", "w") as half,
    ):
        for key in source:
            source.copy(key, half)
        del half["layers/conv2d_5"]
    with pytest.raises(ValueError, match="at layers/conv2d_5/vars/0 the file has nothing"):
        zoo.build("mobilenet_025", 64, weights=tmp_path / "half.weights.h5")


@pytest.mark.parametrize("content", [b"", b"<html>404</html>", b"\x89HDF\r\n\x1a\n" + b"\0" * 100])
def test_a_corrupt_file_is_an_error(content, tmp_path):
    path = tmp_path / "corrupt.weights.h5"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="cannot be read"):
        zoo.build("mobilenet_025", 64, weights=path)


def test_a_file_that_is_not_there_is_an_error():
    with pytest.raises(ValueError, match="'imagnet' .*one of: auto, imagenet, random"):
        zoo.build("mobilenet_025", 64, weights="imagnet")


def test_imagenet_that_cannot_be_had_says_what_to_do(cache, offline):
    with pytest.raises(ValueError) as caught:
        zoo.build("mobilenet_025", 64, weights="imagenet")
    message = str(caught.value)
    for part in ("http://127.0.0.1:9/mobilenet_2_5.h5", str(cache), "KERAS_HOME", "--weights PATH"):
        assert part in message
    assert "\n" not in message
    assert not list(cache.glob("*"))


def test_auto_goes_on_random_and_says_so_loudly(cache, offline, caplog):
    with caplog.at_level(logging.WARNING, logger="zoo.pretrained"):
        built = zoo.build("mobilenet_025", 64, weights="auto")
    assert built.origin.kind == "random"
    assert "KERAS_HOME" in built.origin.note
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "RANDOM WEIGHTS for mobilenet_025" in caplog.text


def test_a_corrupt_file_in_the_cache_leaves_no_trace_in_auto(cache, offline, files, caplog):
    """What cannot be loaded whole is not loaded at all: the random weights are fresh ones."""
    cache.mkdir(parents=True)
    with h5py.File(files / "legacy.h5") as source, h5py.File(cache / "mobilenet_2_5.h5", "w") as half:
        for key in source:
            source.copy(key, half)
        names = source.attrs["layer_names"]
        half.attrs["layer_names"] = names[: len(names) // 2]
    built = zoo.build("mobilenet_025", 64, weights="auto")
    assert built.origin.kind == "random"
    with h5py.File(files / "legacy.h5") as source:
        stem = source["conv1/conv1/0:0"][()]
    assert not np.array_equal(built.model.get_layer("conv1").get_weights()[0], stem)


def test_a_file_in_the_cache_is_used_without_asking_the_network(cache, offline, files, donor):
    assert not zoo.cached("mobilenet_025")
    cache.mkdir(parents=True)
    shutil.copy(files / "legacy.h5", cache / "mobilenet_2_5.h5")
    assert zoo.cached("mobilenet_025")
    built = zoo.build("mobilenet_025", 64, weights="auto")
    assert built.origin.kind == "imagenet"
    _assert_holds(built.model, donor)


@pytest.fixture
def server(files):
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            """Say nothing."""

    handler = functools.partial(Quiet, directory=str(files))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{running.server_address[1]}"
        running.shutdown()
        thread.join()


def test_weights_are_downloaded_once_and_whole(cache, server, table, files, donor):
    table(server + "/legacy.h5", pretrained.sha256(files / "legacy.h5"))
    built = zoo.build("mobilenet_025", 64, weights="imagenet")
    _assert_holds(built.model, donor)
    assert built.origin.path == str(cache / "legacy.h5")
    assert [path.name for path in cache.iterdir()] == ["legacy.h5"]
    table("http://127.0.0.1:9/legacy.h5")
    _assert_holds(zoo.build("mobilenet_025", 64, weights="imagenet").model, donor)


@pytest.mark.parametrize("path", ["/nowhere.h5", "/legacy.h5"])
def test_a_missing_page_or_a_wrong_hash_leaves_nothing_in_the_cache(path, cache, server, table):
    table(server + path, "0" * 64)
    with pytest.raises(ValueError, match="--weights random"):
        zoo.build("mobilenet_025", 64, weights="imagenet")
    assert not list(cache.glob("*"))


def test_a_server_that_never_answers_is_given_up(cache, table, monkeypatch):
    import socket
    import time

    monkeypatch.setattr(pretrained, "DOWNLOAD_TIMEOUT_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        table(f"http://127.0.0.1:{silent.getsockname()[1]}/x.h5")
        start = time.monotonic()
        with pytest.raises(ValueError, match="--weights random"):
            pretrained.download("mobilenet_025")
        assert time.monotonic() - start < 5
    assert socket.getdefaulttimeout() is None


REAL = {
    "mobilenet_v1_025_224_imagenet.weights.h5": "mobilenet_025",
    "mobilenet_v1_025_224_imagenet_notop.weights.h5": "mobilenet_025",
    "mobilenet_v1_075_224_imagenet_notop.weights.h5": "mobilenet_075",
    "mobilenet_v2_100_224_imagenet_from_ptq.weights.h5": "mobilenet_v2",
}


@pytest.mark.parametrize("file", REAL)
def test_real_files_load(file):
    path = SHARED / file
    if not path.is_file():
        pytest.skip(f"no {file} in a shared folder beside the repository")
    built = zoo.build(REAL[file], 64, weights=path)
    assert built.origin.kind == "file"
    features = np.asarray(built.model(IMAGES)["P5"])
    assert features.std() > 0.05
    if "notop" not in file and "025" in file:
        bare = zoo.build("mobilenet_025", 64, weights=SHARED / file.replace(".weights", "_notop.weights"))
        _assert_holds(built.model, bare.model)
