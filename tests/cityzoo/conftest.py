"""A backbone small enough to be built in a blink, images with one white rectangle, and keys of signatures."""

import numpy as np
import pytest
from PIL import Image


def small_backbone(name, size_hw, weights="auto"):
    """Build, like `zoo.build`, five strided convolutions as wide as the backbone's name says."""
    import keras

    import zoo

    x, levels = keras.Input((*size_hw, 3), name="images"), {}
    images, width = x, {"slim": 4, "wide": 6}[name.partition("_")[0]]
    for number in range(1, 6):
        x = keras.layers.Conv2D(width, 3, 2, padding="same", use_bias=False, name=f"stem{number}")(x)
        x = keras.layers.BatchNormalization(name=f"stem{number}_norm")(x)
        if name.endswith("_deep"):
            x = keras.layers.Conv2D(width, 1, name=f"stem{number}_more")(x)
        levels[f"P{number}"] = x = keras.layers.ReLU(name=f"stem{number}_relu")(x)
    outputs = {level: levels[level] for level in ("P3", "P4", "P5")}
    return zoo.Built(name, keras.Model(images, outputs, name=name), zoo.Origin("random"))


@pytest.fixture(scope="session")
def small_build():
    """Return what builds small backbones."""
    return small_backbone


@pytest.fixture
def small_zoo(small_build, monkeypatch):
    """Make `zoo.build` build small backbones."""
    import zoo

    monkeypatch.setattr(zoo, "build", small_build)


@pytest.fixture
def painted(tmp_path):
    """Return a function that writes a dark image with one white rectangle and returns it, annotated."""
    from cityzoo.sample import ImageExample

    def write(name, size_hw, box, label=0):
        pixels = np.full((*size_hw, 3), 20, np.uint8)
        x1, y1, x2, y2 = box
        pixels[y1:y2, x1:x2] = 255
        Image.fromarray(pixels).save(tmp_path / name)
        return ImageExample(str(tmp_path / name), size_hw, [box], [label])

    return write


@pytest.fixture
def series():
    """Return a function that makes a series of some values (T, N), a row every five minutes."""

    def make(values, **more):
        from cityzoo.data.series.series import Series

        values = np.asarray(values, np.float32)
        values = values[..., None] if values.ndim == 2 else values
        times = np.datetime64("2024-05-06", "s") + 300 * np.arange(len(values))
        names = tuple(f"s{number}" for number in range(values.shape[1]))
        channels = tuple(("speed", "flow", "rain")[: values.shape[2]])
        return Series(values, times, names, channels, ("km/h", "1/h", "mm")[: len(channels)], **more)

    return make


@pytest.fixture(scope="session")
def data_of_sizes():
    """Return a function that makes a data set of images that do not exist: (*sizes_hw, box_side, count)."""
    from cityzoo.data.image import Dataset, Findings
    from cityzoo.sample import ImageExample, ImageSet

    def make(*sizes_hw, box_side=1000.0, count=1):
        boxes = [[0, 0, box_side, box_side]]
        images = tuple(ImageExample("x.jpg", size, boxes, [0]) for size in sizes_hw * count)
        sides = ImageSet("train", ("car",), images), ImageSet("val", ("car",), images[:1])
        return Dataset(*sides, Findings("", ""))

    return make


@pytest.fixture
def gpu(monkeypatch):
    """Return a function that gives this machine a GPU, or takes it away."""
    from cityzoo import backend

    return lambda there: monkeypatch.setattr(backend, "gpus", lambda: ["GPU"] if there else [])


@pytest.fixture(scope="session")
def signer():
    """An EC P-256 private key."""
    ec = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.ec")
    return ec.generate_private_key(ec.SECP256R1())


@pytest.fixture(scope="session")
def signer_file(signer, tmp_path_factory):
    """It as a PEM file."""
    from cryptography.hazmat.primitives import serialization as s

    file = tmp_path_factory.mktemp("keys") / "private.pem"
    file.write_bytes(
        signer.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, s.NoEncryption()),
    )
    return file


@pytest.fixture(scope="session")
def public_file(signer, tmp_path_factory):
    """Its public key as a PEM file."""
    from cryptography.hazmat.primitives import serialization as s

    file = tmp_path_factory.mktemp("keys") / "public.pem"
    form = s.PublicFormat.SubjectPublicKeyInfo
    file.write_bytes(signer.public_key().public_bytes(s.Encoding.PEM, form))
    return file


@pytest.fixture(scope="session")
def jwks_file(signer, tmp_path_factory):
    """Its public key as a JWKS file, `kid` "city-1"."""
    from cityzoo.security.tokens import public_jwks

    pytest.importorskip("jwt")
    file = tmp_path_factory.mktemp("keys") / "jwks.json"
    file.write_text(public_jwks(signer.public_key(), "city-1"))
    return file
