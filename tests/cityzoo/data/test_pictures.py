"""Every kind of picture comes out right, and the same, through both decoders."""

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import augment
from cityzoo.data.facts import open_picture
from cityzoo.data.pictures import read_picture, source

COLOURS = np.array([[[250, 10, 20], [30, 240, 50]], [[10, 30, 245], [200, 200, 40]]], np.uint8)
RGB = COLOURS.repeat(24, axis=0).repeat(32, axis=1)  # 48 x 64, four blocks of one colour each
GREY = np.array([[20, 90], [160, 240]], np.uint8).repeat(24, axis=0).repeat(32, axis=1)


def _three(grey):
    return np.repeat(grey[..., None], 3, axis=2)


def _pipeline_decode(path, plain):
    return source({"path": str(path), "plain": plain, "picture_hw": (1, 1)})[1](1)[0]


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
    facts = open_picture(str(path))
    assert (facts.plain, facts.kinds, facts.defect, facts.size_hw) == (plain, kinds, "", (48, 64))
    tolerance = 4 if suffix == ".jpg" else 1  # JPEG's own loss on flat blocks; the rounding of blending
    picture = read_picture(path)
    assert (picture.dtype, picture.shape) == (np.uint8, (48, 64, 3))
    np.testing.assert_allclose(picture.astype(int), expected.astype(int), atol=tolerance)
    np.testing.assert_array_equal(_pipeline_decode(path, facts.plain), picture)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_rotation_is_applied_once(tmp_path, suffix, orientation):
    # How to lay the upright picture down so that the orientation turns it up again (CIPA DC-008).
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
    facts = open_picture(str(path))
    assert (facts.orientation, facts.stored_hw, facts.size_hw) == (orientation, stored.shape[:2], (48, 64))
    assert facts.plain == (orientation == 1 and suffix in (".jpg", ".png"))
    np.testing.assert_allclose(read_picture(path).astype(int), RGB.astype(int), atol=4)
    np.testing.assert_array_equal(_pipeline_decode(path, facts.plain), read_picture(path))


def test_a_photograph_decodes_alike_to_the_last_bit(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (12, 16, 3), np.uint8)
    photo = Image.fromarray(noise).resize((203, 151), Image.Resampling.BICUBIC)
    ways = ({"quality": 75}, {"quality": 40, "subsampling": 2}, {"quality": 90, "subsampling": 1})
    for number, save in enumerate(ways):
        path = tmp_path / f"{number}.jpg"
        photo.save(path, **save)
        np.testing.assert_array_equal(_pipeline_decode(path, True), read_picture(path))


def test_a_jpeg_with_bytes_behind_its_end_is_read_by_pillow(tmp_path):
    path = tmp_path / "a.jpg"
    Image.fromarray(RGB).save(path)
    path.write_bytes(path.read_bytes() + b"serial number of the camera")
    assert not open_picture(str(path)).plain
    assert read_picture(path).shape == (48, 64, 3)


def test_both_decoders_side_by_side_in_one_batch(tmp_path):
    paths = [str(tmp_path / f"{number}.png") for number in range(8)]
    for number, path in enumerate(paths):
        Image.fromarray(RGB + number).convert("RGBA" if number % 2 else "RGB").save(path)
    columns = {"path": paths, "picture_hw": [(48, 64)] * 8, "plain": [number % 2 == 0 for number in range(8)]}
    (batch,) = augment.pipeline(columns, "none", (48, 64), 8, read=source, workers=4)
    for number, picture in enumerate(batch["images"]):
        np.testing.assert_array_equal(picture, RGB + number)


def test_float_pixels_are_refused(tmp_path):
    path = tmp_path / "a.tif"
    Image.fromarray(np.zeros((4, 4), np.float32)).save(path)
    with pytest.raises(ValueError, match="no defined range"):
        read_picture(path)
    assert open_picture(str(path)).defect == "unreadable"
