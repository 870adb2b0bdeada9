"""Light and sharpness of painted images."""

import numpy as np
import pytest
from PIL import Image, ImageFilter

from cityzoo.data.image import image_statistics
from cityzoo.data.image.image_statistics import crop_black_bars, measure_images, sharpness
from cityzoo.sample import ImageExample


@pytest.fixture
def street():
    """A street of blocks, (180, 240) uint8 luma."""
    blocks = np.random.default_rng(0).integers(60, 220, (18, 24), dtype=np.uint8)
    return blocks.repeat(10, axis=0).repeat(10, axis=1)


def test_luma_is_the_median_without_bars(street, tmp_path):
    Image.fromarray(street).save(tmp_path / "bare.png")
    framed = np.zeros((300, 240), np.uint8)
    framed[60:240] = street
    Image.fromarray(framed).save(tmp_path / "framed.png")
    Image.new("RGB", (50, 40), (0, 0, 255)).save(tmp_path / "blue.png")
    names = ("bare", "framed", "blue")
    images = [ImageExample(str(tmp_path / f"{name}.png"), (1, 1)) for name in names]
    found = measure_images(images)
    assert found.luma.tolist() == [np.median(street), np.median(street), 29]  # .114 of 255: ITU-R BT.601
    assert found.sharpness[0] == pytest.approx(found.sharpness[1]) and found.sharpness[2] == 0


def test_a_black_sky_is_no_bar_and_a_black_image_stays(street):
    sky = street.copy()
    sky[:90] = 0
    assert crop_black_bars(sky).shape == street.shape
    pillars = np.pad(street, ((0, 0), (30, 50)))
    assert crop_black_bars(pillars).shape == (180, 260)  # 30 on either side
    assert crop_black_bars(np.zeros((8, 9), np.uint8)).shape == (8, 9)


def test_sharpness_falls_with_blur_and_not_with_size(street):
    image = Image.fromarray(street)
    blurred = [np.array(image.filter(ImageFilter.GaussianBlur(radius))) for radius in (0, 1, 3, 6)]
    values = [sharpness(each) for each in blurred]
    assert values == sorted(values, reverse=True) and values[0] > 20 * values[-1]
    twice = np.array(image.resize((480, 360), Image.Resampling.NEAREST))
    assert sharpness(twice) == pytest.approx(values[0], rel=0.3)
    tiny = np.array(
        image.resize((48, 36), Image.Resampling.BOX)
    )  # a small crop is enlarged: no detail is gained
    assert sharpness(tiny) < 0.4 * values[0]
    assert sharpness(street[:1, :1]) == 0


def test_large_jpegs_are_measured_alike_at_a_reduced_size(street, tmp_path):
    """In colour; an image that is not plain is decoded as all else is, at its full size."""
    colours = np.stack([street, street[::-1], street.T[:180].repeat(2, axis=1)[:, :240]], axis=-1)
    large = Image.fromarray(colours).resize((1920, 1440), Image.Resampling.BICUBIC)
    large.save(tmp_path / "large.jpg", quality=95)
    images = [ImageExample(str(tmp_path / "large.jpg"), (1440, 1920), plain=plain) for plain in (True, False)]
    reduced, whole = (measure_images([each]) for each in images)
    assert reduced.luma == pytest.approx(whole.luma, abs=1)
    assert reduced.sharpness == pytest.approx(whole.sharpness, rel=0.05)


def test_windows_take_the_light_of_their_file_which_is_read_once(street, tmp_path, monkeypatch):
    street[40:100, 20:100] = 12  # a black car
    Image.fromarray(street).save(tmp_path / "a.png")
    Image.new("L", (30, 20), 33).save(tmp_path / "b.png")
    read, ticks = [], []
    original = image_statistics.open_header
    monkeypatch.setattr(image_statistics, "open_header", lambda path: (read.append(path), original(path))[1])
    cut = [
        ImageExample(str(tmp_path / "a.png"), (60, 80), window_xyxy=(20, 40, 100, 100)),
        ImageExample(str(tmp_path / "b.png"), (20, 30)),
        ImageExample(str(tmp_path / "a.png"), (80, 100), window_xyxy=(140, 100, 240, 180)),
    ]
    found = measure_images(cut, lambda done, total: ticks.append((done, total)))
    assert found.luma[0] == found.luma[2] == np.median(street) > 60 and found.luma[1] == 33
    assert found.sharpness[0] == 0 < found.sharpness[2]
    assert found.sharpness[2] == pytest.approx(sharpness(street[100:180, 140:240]))
    assert sorted(read) == [str(tmp_path / "a.png"), str(tmp_path / "b.png")]
    assert ticks == [(2, 3), (3, 3)]
