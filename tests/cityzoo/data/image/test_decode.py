"""Every kind of image comes out right, and the same, through both decoders."""

import os
import struct
import zlib
from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import augment
from cityzoo.data.image.decode import read_image, source
from cityzoo.data.image.image_info import open_image
from cityzoo.sample import ImageExample

COLOURS = np.array([[[250, 10, 20], [30, 240, 50]], [[10, 30, 245], [200, 200, 40]]], np.uint8)
RGB = COLOURS.repeat(24, axis=0).repeat(32, axis=1)  # 48 x 64, four blocks of one colour each
GREY = np.array([[20, 90], [160, 240]], np.uint8).repeat(24, axis=0).repeat(32, axis=1)


def _three(grey):
    return np.repeat(grey[..., None], 3, axis=2)


def _pipeline_decode(path, plain, size_hw=(48, 64)):
    return source({"path": str(path), "plain": plain, "image_hw": size_hw})[1](1)[0]


def _converted(path):
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def _rgb_jpeg(path):
    Image.fromarray(RGB).save(path, quality=98, subsampling=0)
    return RGB


def _progressive(path):
    Image.fromarray(RGB).save(path, quality=98, subsampling=0, progressive=True)
    return RGB


def _grey_jpeg(path):
    Image.fromarray(GREY).save(path, quality=98)
    return _three(GREY)


def _cmyk_jpeg(path):
    Image.fromarray(RGB).convert("CMYK").save(path, quality=98)
    return RGB


def _rgb_png(path):
    Image.fromarray(RGB).save(path)
    return RGB


def _grey_png(path):
    Image.fromarray(GREY).save(path)
    return _three(GREY)


def _palette_png(path):
    Image.fromarray(RGB).quantize(4).save(path)
    return _converted(path)


def _alpha_png(path):
    alpha = np.full((48, 64, 1), 255, np.uint8)
    alpha[:24] = 0  # the upper half is transparent: white
    Image.fromarray(np.concatenate([RGB, alpha], axis=2)).save(path)
    return np.where(alpha == 0, 255, RGB)


def _grey_alpha_png(path):
    half = Image.new("L", (64, 48), 128)
    Image.merge("LA", (Image.fromarray(GREY), half)).save(path)
    return _three(np.round(GREY * (128 / 255) + 255 * (127 / 255)).astype(np.uint8))


def _transparent_colour_png(path):
    Image.fromarray(RGB).save(path, transparency=(250, 10, 20))
    return np.where((RGB == [250, 10, 20]).all(-1, keepdims=True), 255, RGB)


def _transparent_palette_png(path):
    image = Image.fromarray(GREY).convert("P")
    image.save(path, transparency=20)
    return _three(np.where(GREY == 20, 255, GREY))


def _deep_grey_png(path):
    deep = GREY.astype(np.uint16) * 257  # 0..65535 for 0..255
    Image.fromarray(deep).save(path)
    return _three(GREY)


def _deep_rgb_png(path):
    # Pillow writes no 16-bit RGB, TensorFlow does.
    path.write_bytes(tf.io.encode_png(tf.constant(RGB.astype(np.uint16) * 257)).numpy())
    return RGB


def _bilevel_png(path):
    Image.fromarray(GREY > 100).save(path)
    return _three(np.where(GREY > 100, 255, 0).astype(np.uint8))


def _bmp(path):
    Image.fromarray(RGB).save(path, format="BMP")
    return RGB


def _webp(path):
    Image.fromarray(RGB).save(path, format="WEBP", lossless=True)
    return RGB


def _tiff(path):
    Image.fromarray(RGB).save(path, format="TIFF")
    return RGB


def _deep_tiff(path):
    Image.fromarray(GREY.astype(np.uint16) * 257).save(path, format="TIFF")
    return _three(GREY)


def _gif(path):
    second = Image.new("P", (64, 48))
    Image.fromarray(RGB).quantize(4).save(path, format="GIF", save_all=True, append_images=[second])
    return _converted(path)


def _png_called_jpg(path):
    Image.fromarray(RGB).save(path, format="PNG")
    return RGB


# kind: (writer, suffix, plain, kinds found)
KINDS = {
    "rgb jpeg": (_rgb_jpeg, ".jpg", True, ()),
    "progressive jpeg": (_progressive, ".jpg", True, ()),
    "grey jpeg": (_grey_jpeg, ".jpg", True, ("grey",)),
    "cmyk jpeg": (_cmyk_jpeg, ".jpg", False, ("cmyk",)),
    "rgb png": (_rgb_png, ".png", True, ()),
    "grey png": (_grey_png, ".png", True, ("grey",)),
    "palette png": (_palette_png, ".png", False, ("palette",)),
    "alpha png": (_alpha_png, ".png", False, ("alpha",)),
    "grey alpha png": (_grey_alpha_png, ".png", False, ("grey", "alpha")),
    "transparent colour png": (_transparent_colour_png, ".png", False, ("alpha",)),
    "transparent palette png": (_transparent_palette_png, ".png", False, ("palette", "alpha")),
    "16-bit grey png": (_deep_grey_png, ".png", False, ("grey", "16-bit")),
    "16-bit rgb png": (_deep_rgb_png, ".png", False, ("16-bit",)),
    "bilevel png": (_bilevel_png, ".png", False, ("grey", "bilevel")),
    "bmp": (_bmp, ".bmp", False, ()),
    "webp": (_webp, ".webp", False, ()),
    "tiff": (_tiff, ".tif", False, ()),
    "16-bit tiff": (_deep_tiff, ".tif", False, ("grey", "16-bit")),
    "gif": (_gif, ".gif", False, ("palette",)),
    "png called jpg": (_png_called_jpg, ".jpg", True, ()),
}


@pytest.mark.parametrize("kind", KINDS)
def test_both_decoders_give_the_painted_pixels(tmp_path, kind):
    write, suffix, plain, kinds = KINDS[kind]
    path = tmp_path / f"a{suffix}"
    expected = write(path)
    facts = open_image(str(path))
    assert (facts.plain, facts.kinds, facts.defect, facts.size_hw) == (plain, kinds, "", (48, 64))
    tolerance = 4 if suffix == ".jpg" else 1  # JPEG's own loss on flat blocks; the rounding of blending
    image = read_image(path)
    assert (image.dtype, image.shape) == (np.uint8, (48, 64, 3))
    np.testing.assert_allclose(image.astype(int), expected.astype(int), atol=tolerance)
    np.testing.assert_array_equal(_pipeline_decode(path, facts.plain), image)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_rotation_is_applied_once(tmp_path, suffix, orientation):
    # How to lay the upright image down so that the orientation turns it up again (CIPA DC-008).
    lay = {
        1: lambda a: a, 2: lambda a: a[:, ::-1], 3: lambda a: a[::-1, ::-1], 4: lambda a: a[::-1],
        5: lambda a: a.swapaxes(0, 1), 6: lambda a: np.rot90(a, 1),
        7: lambda a: np.rot90(a, 2).swapaxes(0, 1), 8: lambda a: np.rot90(a, -1),
    }  # fmt: skip
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"a{suffix}"
    lossless = {".jpg": {"quality": 98, "subsampling": 0}, ".webp": {"lossless": True}}.get(suffix, {})
    stored = np.ascontiguousarray(lay[orientation](RGB))
    Image.fromarray(stored).save(path, exif=exif, **lossless)
    facts = open_image(str(path))
    assert (facts.orientation, facts.stored_hw, facts.size_hw) == (orientation, stored.shape[:2], (48, 64))
    assert facts.plain == (orientation == 1 and suffix in (".jpg", ".png"))
    np.testing.assert_allclose(read_image(path).astype(int), RGB.astype(int), atol=4)
    np.testing.assert_array_equal(_pipeline_decode(path, facts.plain), read_image(path))


@pytest.mark.parametrize("mode", ["L", "I;16", "P", "CMYK", "RGB", "RGBA"])
@pytest.mark.parametrize("orientation", [1, 5, 6, 7, 8])
def test_rotated_tiffs_of_every_mode_are_turned_with_their_boxes(tmp_path, mode, orientation):
    """A white square on black, 4 to 8 pixels from the stored left and 2 to 6 from the stored top, of 20 x 10."""
    stored = np.zeros((10, 20), np.uint8)
    stored[2:6, 4:8] = 255
    image = Image.fromarray(stored)
    image = (
        Image.fromarray(stored.astype(np.uint16) * 257)
        if mode == "I;16"
        else image.convert("RGB").convert(mode)
    )
    exif = Image.Exif()
    exif[0x0112] = orientation
    image.save(tmp_path / "a.tif", exif=exif)
    facts = open_image(str(tmp_path / "a.tif"))
    assert (facts.stored_hw, facts.size_hw) == ((10, 20), (10, 20) if orientation == 1 else (20, 10))
    shown = _pipeline_decode(tmp_path / "a.tif", facts.plain, facts.size_hw)
    # Upright corners by CIPA DC-008: 5 is transposed, 6 turned clockwise, 7 both over the other diagonal, 8 counter.
    x, y = {1: (4, 2), 5: (2, 4), 6: (4, 4), 7: (4, 12), 8: (2, 12)}[orientation]
    rows, columns = np.nonzero(shown[..., 0] > 128)
    assert (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1) == (x, y, x + 4, y + 4)


def test_an_image_of_another_size_than_was_checked_is_refused(tmp_path):
    """It was replaced since, or turned by one decoder and not by the other: its boxes would be wrong."""
    Image.new("RGB", (64, 48)).save(tmp_path / "a.jpg")
    element = {"path": str(tmp_path / "a.jpg"), "plain": True, "image_hw": (64, 48)}
    for plain in (True, False):
        with pytest.raises(ValueError, match="64 x 48 pixels, the check found 48 x 64"):
            source(element | {"plain": plain})[1](1)
    assert source(element | {"image_hw": (48, 64)})[1](8)[0].shape == (6, 8, 3)


def test_only_listed_decoders_open_images(tmp_path):
    """Pillow opens an EPS, whatever it is called, by running Ghostscript."""
    eps = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n%%EOF\n"
    (tmp_path / "a.png").write_bytes(eps)
    with pytest.raises(OSError, match="cannot identify"):
        read_image(tmp_path / "a.png")
    assert open_image(str(tmp_path / "a.png")).reason == "not an image"


@pytest.mark.parametrize("size", [(20_000, 10_001), (40_000, 40_000), (2**31 - 1, 2**31 - 1)])
def test_pixels_are_counted_before_they_are_decoded(tmp_path, size, recwarn):
    """A PNG's header alone can promise 4 exabytes; more than 200 megapixels are refused, without a warning."""
    header = struct.pack(">IIBBBBB", *size, 8, 2, 0, 0, 0)
    chunk = (
        struct.pack(">I", len(header)) + b"IHDR" + header + struct.pack(">I", zlib.crc32(b"IHDR" + header))
    )
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + chunk + struct.pack(">I", 0) + b"IDAT\0\0\0\0")
    assert "megapixels, allowed are 200" in open_image(str(tmp_path / "a.png")).reason
    assert not recwarn.list


def test_a_pipe_called_like_an_image_is_unreadable(tmp_path):
    """It would be waited for, forever."""
    os.mkfifo(tmp_path / "a.jpg")
    found = open_image(str(tmp_path / "a.jpg"))
    assert (found.defect, str(tmp_path) in found.reason) == ("unreadable", False)


def test_a_photograph_decodes_alike_to_the_last_bit(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (12, 16, 3), np.uint8)
    photo = Image.fromarray(noise).resize((203, 151), Image.Resampling.BICUBIC)
    ways = ({"quality": 75}, {"quality": 40, "subsampling": 2}, {"quality": 90, "subsampling": 1})
    for number, save in enumerate(ways):
        path = tmp_path / f"{number}.jpg"
        photo.save(path, **save)
        np.testing.assert_array_equal(_pipeline_decode(path, True, (151, 203)), read_image(path))


def test_a_jpeg_with_bytes_behind_its_end_is_read_by_pillow(tmp_path):
    path = tmp_path / "a.jpg"
    Image.fromarray(RGB).save(path)
    path.write_bytes(path.read_bytes() + b"serial number of the camera")
    assert not open_image(str(path)).plain
    assert read_image(path).shape == (48, 64, 3)


def test_both_decoders_side_by_side_in_one_batch(tmp_path):
    paths = [str(tmp_path / f"{number}.png") for number in range(8)]
    for number, path in enumerate(paths):
        Image.fromarray(RGB + number).convert("RGBA" if number % 2 else "RGB").save(path)
    columns = {"path": paths, "image_hw": [(48, 64)] * 8, "plain": [number % 2 == 0 for number in range(8)]}
    (batch,) = augment.pipeline(columns, "none", (48, 64), 8, read=source, workers=4)
    for number, image in enumerate(batch["images"]):
        np.testing.assert_array_equal(image, RGB + number)


def test_float_pixels_are_refused(tmp_path):
    path = tmp_path / "a.tif"
    Image.fromarray(np.zeros((4, 4), np.float32)).save(path)
    with pytest.raises(ValueError, match="no defined range"):
        read_image(path)
    assert open_image(str(path)).defect == "unreadable"


def _noisy(path, size_wh=(203, 151), **save):
    noise = np.random.default_rng(5).integers(0, 256, (12, 16, 3), np.uint8)
    Image.fromarray(noise).resize(size_wh, Image.Resampling.BICUBIC).save(path, **save)
    return str(path)


def _windows(width, height, count=60):
    draw = np.random.default_rng(0)
    for _ in range(count):
        x1, y1 = int(draw.integers(0, width)), int(draw.integers(0, height))
        yield x1, y1, int(draw.integers(x1 + 1, width + 1)), int(draw.integers(y1 + 1, height + 1))
    yield 0, 0, width, height
    yield width - 1, height - 1, width, height


@pytest.mark.parametrize(
    "save", [{"subsampling": 0}, {"subsampling": 1}, {"subsampling": 2}, {"progressive": True}]
)
def test_a_window_of_a_jpeg_is_a_slice_of_the_whole_to_the_last_bit(tmp_path, save):
    path = _noisy(tmp_path / "a.jpg", quality=80, **save)
    whole = read_image(path)
    for window in _windows(203, 151):
        x1, y1, x2, y2 = window
        size, decode = source({"path": path, "plain": True, "image_hw": (y2 - y1, x2 - x1), "window": window})
        assert size == (y2 - y1, x2 - x1)
        image, reduction = decode(8)
        assert reduction == 1 and image.flags.c_contiguous
        np.testing.assert_array_equal(image, whole[y1:y2, x1:x2])
        np.testing.assert_array_equal(read_image(path, window), whole[y1:y2, x1:x2])


@pytest.mark.parametrize("kind", KINDS)
def test_a_window_of_any_kind_is_a_slice_of_the_whole(tmp_path, kind):
    write, suffix, plain, _ = KINDS[kind]
    path = tmp_path / f"a{suffix}"
    write(path)
    whole = read_image(path)
    element = {"path": str(path), "plain": plain, "image_hw": (40, 50), "window": np.array([7, 5, 57, 45])}
    size, decode = source(element)
    assert size == (40, 50)
    np.testing.assert_array_equal(decode(1)[0], whole[5:45, 7:57])
    np.testing.assert_array_equal(read_image(path, (7, 5, 57, 45)), whole[5:45, 7:57])


def test_a_window_is_of_the_upright_image(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    path = _noisy(tmp_path / "a.jpg", (64, 48), exif=exif)
    whole = read_image(path)
    assert whole.shape == (64, 48, 3)
    found = source({"path": path, "plain": False, "image_hw": (60, 40), "window": (4, 2, 44, 62)})[1](4)
    np.testing.assert_array_equal(found[0], whole[2:62, 4:44])


def test_four_zeros_are_the_whole_image(tmp_path):
    path = _noisy(tmp_path / "a.jpg")
    size, decode = source({"path": path, "plain": True, "image_hw": (151, 203), "window": (0, 0, 0, 0)})
    assert size == (151, 203) and decode(2)[1] == 2


@pytest.mark.parametrize("window", [(0, 0, 204, 10), (-1, 0, 5, 5), (5, 5, 5, 9), (0, 150, 9, 152)])
@pytest.mark.parametrize("name", ["a.jpg", "a.png"])
def test_a_window_beyond_the_image_is_refused(tmp_path, window, name):
    path = _noisy(tmp_path / name)
    with pytest.raises(
        ValueError, match="is 203 x 151, the window .*expected 0 <= x1 < x2 <= 203 and 0 <= y1"
    ):
        read_image(path, window)
    for plain in (True, False):
        with pytest.raises(ValueError, match="expected 0 <= x1 < x2"):
            source({"path": path, "plain": plain, "image_hw": (1, 1), "window": window})[1](1)


def test_windows_of_a_broken_file_are_refused(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"\xff\xd8\xffnothing")
    for path in (tmp_path / "a.jpg", tmp_path / "gone.jpg"):
        element = {"path": str(path), "plain": True, "image_hw": (4, 4), "window": (0, 0, 4, 4)}
        with pytest.raises(ValueError, match="not a readable image"):
            source(element)[1](1)


def test_windows_come_through_the_pipeline(tmp_path):
    path = str(tmp_path / "a.png")
    Image.fromarray(RGB).save(path)
    windows = [(0, 0, 32, 24), (32, 0, 64, 24), (0, 24, 32, 48), (0, 0, 0, 0)]
    columns = {
        "path": [path] * 4,
        "image_hw": [(24, 32)] * 3 + [(48, 64)],
        "plain": [True] * 4,
        "window": windows,
    }
    (batch,) = augment.pipeline(columns, "none", (24, 32), 4, read=source, workers=2)
    for number, (row, column) in enumerate(((0, 0), (0, 1), (1, 0))):
        np.testing.assert_array_equal(
            batch["images"][number], np.broadcast_to(COLOURS[row, column], (24, 32, 3))
        )


def test_what_is_not_said_of_an_image_has_defaults():
    image = ImageExample("a.jpg", (48, 64))
    assert (image.target, image.window_xyxy, image.scene, image.mask) == (None, None, "", "")


def test_a_target_becomes_float32_and_survives_replace():
    image = ImageExample("a.jpg", (48, 64), target=[1, 0, 2.5], scene="cam1", mask="m.png")
    moved = replace(image, window_xyxy=np.array([4, 2, 14, 22]), size_hw=(20, 10))
    assert moved.target.dtype == np.float32 and moved.target.tolist() == [1, 0, 2.5]
    assert moved.window_xyxy == (4, 2, 14, 22) and isinstance(moved.window_xyxy[0], int)
    assert (moved.scene, moved.mask) == ("cam1", "m.png")
    assert replace(moved, target=None, window_xyxy=None).target is None


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"target": [[1, 0]]}, r"the target has the shape \(1, 2\), expected \(C,\)"),
        ({"target": 3.0}, r"the target has the shape \(\)"),
        ({"window_xyxy": (0, 0, 64, 47)}, r"size_hw is \(48, 64\), expected the window's own, \(47, 64\)"),
        ({"window_xyxy": (0, 0, 64)}, "expected four whole pixels"),
        ({"window_xyxy": (0, 0, 64.0, 48.0)}, "expected four whole pixels"),
        ({"window_xyxy": (64, 0, 0, 48)}, "has no area or begins outside"),
        ({"window_xyxy": (-1, 0, 63, 48)}, "has no area or begins outside"),
    ],
)
def test_a_target_or_window_that_cannot_be_is_refused(fields, message):
    with pytest.raises(ValueError, match=f"a.jpg: .*{message}|a.jpg: {message}"):
        ImageExample("a.jpg", (48, 64), **fields)
