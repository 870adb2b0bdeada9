"""ImageExample files: reduced as JPEG can, whole otherwise, and kept without a pixel changed."""

import numpy as np
import pytest
from PIL import Image

from augment import DecodedCache, read_file
from augment.placement import useful_reductions

PIXELS = np.random.default_rng(0).integers(0, 256, (5, 4, 3), np.uint8).repeat(16, 0).repeat(16, 1)[:77, :61]


@pytest.fixture
def files(tmp_path):
    """The same image as JPEG and as PNG."""
    paths = {suffix: str(tmp_path / f"image.{suffix}") for suffix in ("jpg", "png")}
    for path in paths.values():
        Image.fromarray(PIXELS).save(path, quality=95)
    return paths


def read(path, reduction, reader=read_file):
    """Size, pixels and reduction."""
    size_hw, decode = reader({"path": path})
    return size_hw, *decode(reduction)


@pytest.mark.parametrize("reduction", [1, 2, 4, 8])
def test_a_jpeg_is_decoded_at_a_fraction_and_a_png_whole(files, reduction):
    size_hw, image, at = read(files["jpg"], reduction)
    assert size_hw == (77, 61) and at == reduction
    assert image.shape == (-(-77 // reduction), -(-61 // reduction), 3)
    middle = PIXELS[8:72:16, 8:56:16].astype(int)  # of each block of 16 x 16 pixels that is whole
    step = 16 // reduction
    found = image[step // 2 :: step, step // 2 :: step][:4, :3].astype(int)
    assert np.abs(found - middle).max() < 45 and np.abs(found - middle).mean() < 12  # chroma is coarse
    size_hw, image, at = read(files["png"], reduction)
    assert size_hw == (77, 61) and at == 1
    np.testing.assert_array_equal(image, PIXELS)


def test_a_whole_jpeg_has_pillows_pixels(files):
    with Image.open(files["jpg"]) as image:
        assert np.abs(read(files["jpg"], 1)[1].astype(int) - np.asarray(image)).max() <= 1


@pytest.mark.parametrize("where", ["memory", "disk"])
def test_kept_images_are_decoded_once_and_the_same(files, tmp_path, where):
    calls = []

    def counting(element):
        size_hw, decode = read_file(element)

        def counted(reduction):
            calls.append(1)
            return decode(reduction)

        return size_hw, counted

    folder = tmp_path / "kept" if where == "disk" else None
    kept = DecodedCache(counting, folder)
    for _ in range(3):
        for reduction in (1, 2):
            for found, expected in zip(
                read(files["jpg"], reduction, kept), read(files["jpg"], reduction), strict=True
            ):
                np.testing.assert_array_equal(found, expected)
    assert len(calls) == 2
    if where == "disk":  # another process finds them
        read(files["jpg"], 2, DecodedCache(counting, folder))
        assert len(calls) == 2 and not list(folder.glob("*.part"))
        Image.fromarray(255 - PIXELS).save(files["jpg"], quality=95)
        assert np.abs(read(files["jpg"], 2, DecodedCache(counting, folder))[1].astype(int) - 127).mean() > 20
        assert len(calls) == 3


def read_window(element):
    """A part of an image, which is never reduced."""
    x1, y1, x2, y2 = element["window"]
    _, decode = read_file(element)
    return (y2 - y1, x2 - x1), lambda reduction: (np.ascontiguousarray(decode(1)[0][y1:y2, x1:x2]), 1)


@pytest.mark.parametrize("where", ["memory", "disk"])
def test_windows_of_one_file_are_kept_apart(files, tmp_path, where):
    """Two of one size, one within another, and the whole: each comes back as itself, from the store too."""
    folder = tmp_path / "kept" if where == "disk" else None
    windows = [(0, 0, 20, 30), (20, 30, 40, 60), (0, 0, 61, 77), (0, 0, 20, 29)]
    decoded = []

    def counting(element):
        size_hw, decode = read_window(element)

        def counted(reduction):
            decoded.append(element["window"])
            return decode(reduction)

        return size_hw, counted

    kept = DecodedCache(counting, folder)
    for _ in range(2):
        for window in windows:
            (height, width), decode = kept({"path": files["png"], "window": window})
            image, at = decode(2)
            x1, y1, x2, y2 = window
            assert (height, width, at) == (y2 - y1, x2 - x1, 1)
            np.testing.assert_array_equal(image, PIXELS[y1:y2, x1:x2])
    assert decoded == windows  # once each
    np.testing.assert_array_equal(
        read(files["png"], 1, DecodedCache(read_file, folder))[1], PIXELS
    )  # no window


def test_when_the_room_is_used_up_images_are_decoded_each_time(files):
    kept = DecodedCache(read_file, limit_bytes=1000)
    for _ in range(2):
        np.testing.assert_array_equal(read(files["png"], 1, kept)[1], PIXELS)
    assert kept.examples == {} and kept.full


def test_a_folder_that_cannot_be_written_stops_the_keeping_and_nothing_else(files, tmp_path, caplog):
    kept = DecodedCache(read_file, tmp_path / "kept")
    (tmp_path / "kept").rmdir()
    for _ in range(2):
        np.testing.assert_array_equal(read(files["png"], 1, kept)[1], PIXELS)
    assert [record.getMessage() for record in caplog.records if "cannot cache more" in record.getMessage()]


def test_no_more_is_reduced_than_leaves_every_pixel_of_the_result_its_own():
    for scale, most in ((1.0, 1), (0.51, 1), (0.5, 2), (0.26, 2), (0.25, 4), (0.125, 8), (0.01, 8)):
        assert useful_reductions(np.diag([scale, scale * 0.9, 1.0])[None]).tolist() == [most]


def test_what_is_no_image_or_half_of_one_is_named(files, tmp_path):
    whole = (tmp_path / "image.jpg").read_bytes()
    for name, contents in (("half.jpg", whole[: len(whole) // 2]), ("text.png", b"not an image")):
        (tmp_path / name).write_bytes(contents)
        with pytest.raises(ValueError, match=f"{name}' cannot be read"):
            read(str(tmp_path / name), 1)
    with pytest.raises(ValueError, match="gone.png' cannot be read"):
        read(str(tmp_path / "gone.png"), 1)
