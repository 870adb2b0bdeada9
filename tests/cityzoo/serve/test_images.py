"""Images of requests: the pixels of evaluation, and refusals before memory is taken."""

import io
import tracemalloc
import zlib

import numpy as np
import pytest
from PIL import Image

from cityzoo.data.image.decode import read_image
from cityzoo.serve.http_errors import HttpError
from cityzoo.serve.images import decode_image


def encoded(pixels, kind="JPEG", **options):
    """An image file's bytes."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind, **options)
    return file.getvalue()


@pytest.fixture(scope="module")
def noise():
    return np.random.default_rng(0).integers(0, 256, (48, 80, 3)).astype(np.uint8)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_pixels_are_those_of_evaluation(noise, kind):
    data = encoded(noise, kind)
    np.testing.assert_array_equal(decode_image(data, 25), read_image(io.BytesIO(data)))


@pytest.mark.parametrize("turn", [3, 6, 8])
def test_images_stand_upright(noise, turn):
    exif = Image.Exif()
    exif[0x0112] = turn
    data = encoded(noise, exif=exif.tobytes())
    found = decode_image(data, 25)
    np.testing.assert_array_equal(found, read_image(io.BytesIO(data)))
    assert found.shape[:2] == ((48, 80) if turn == 3 else (80, 48))


def test_grayscale_and_transparent_images_become_rgb(noise):
    assert decode_image(encoded(noise[..., 0]), 25).shape == (48, 80, 3)
    clear = np.zeros((4, 4, 4), np.uint8)
    assert decode_image(encoded(clear, "PNG"), 25).min() == 255


def bomb(side=10_000):
    """A PNG of a few kilobytes that decodes to a hundred million pixels."""

    def chunk(kind, data):
        body = kind + data
        return len(data).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")

    size = side.to_bytes(4, "big")
    rows = zlib.compress(b"\0" * (side * (1 + side // 8)), 9)
    header = size + size + bytes([1, 0, 0, 0, 0])
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def test_a_decompression_bomb_is_refused_by_its_header():
    data = bomb()
    assert len(data) < 20_000
    tracemalloc.start()
    with pytest.raises(HttpError) as error:
        decode_image(data, 25)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert error.value.status == 413
    assert most < 2e6


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"", 415),
        (b"time,a\n1,2\n", 415),
        (b"%!PS-Adobe-3.0 EPSF", 415),
        (b"\x89PNG\r\n\x1a\n", 415),
        (b"\xff\xd8\xff\xe0" + b"\0" * 50, 415),
    ],
)
def test_what_is_no_image(data, status):
    with pytest.raises(HttpError) as error:
        decode_image(data, 25)
    assert error.value.status == status


def test_truncated_files_are_damaged(noise):
    data = encoded(noise)
    with pytest.raises(HttpError) as error:
        decode_image(data[: len(data) // 2], 25)
    assert error.value.status == 422
