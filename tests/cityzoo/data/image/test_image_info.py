import json

import numpy as np
import pytest
from PIL import Image

from cityzoo.data.image import image_info


def test_defects_are_told_not_raised(tmp_path, paint):
    whole = paint(tmp_path / "a.jpg", (300, 200)).read_bytes()
    cases = {
        "cut.jpg": whole[: len(whole) * 2 // 3],
        "text.jpg": b"<html>not found</html>",
        "empty.png": b"",
        "header.jpg": whole[:30],
    }
    cases["cut.png"] = paint(tmp_path / "b.png", (300, 200), (10, 10, 99, 99)).read_bytes()[:-60]
    for name, content in cases.items():
        (tmp_path / name).write_bytes(content)
        found = image_info.open_image(str(tmp_path / name))
        assert found.defect == "unreadable", name
        assert found.reason
        assert not found.plain
    assert image_info.open_image(str(tmp_path / "gone.jpg")).defect == "missing"
    assert image_info.open_image(str(tmp_path)).defect == "unreadable"


def test_the_second_time_comes_from_the_cache(tmp_path, paint, monkeypatch):
    paths = [str(paint(tmp_path / f"{number}.png")) for number in range(4)]
    before = image_info.open_images(paths, "x")
    opened = []
    original = image_info.open_image
    monkeypatch.setattr(image_info, "open_image", lambda path: opened.append(path) or original(path))
    assert image_info.open_images(paths, "x") == before
    assert opened == []
    paint(tmp_path / "1.png", (32, 16))
    again = image_info.open_images(paths, "x")
    assert opened == [paths[1]]
    assert again[paths[1]].size_hw == (16, 32)


def test_an_image_that_was_missing_is_looked_for_again(tmp_path, paint):
    path = str(tmp_path / "a.png")
    assert image_info.open_images([path], "x")[path].defect == "missing"
    paint(tmp_path / "a.png")
    assert image_info.open_images([path], "x")[path].defect == ""


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"version": 0}', '{"version": 2, "images": {"a": {"b": 1}}}']
)
def test_a_broken_cache_is_written_anew(tmp_path, paint, cache_home, content):
    path = str(paint(tmp_path / "a.png"))
    before = image_info.open_images([path], "x")
    cache = next((cache_home / "images").glob("*.json"))
    cache.write_text(content)
    assert image_info.open_images([path], "x") == before
    assert len(json.loads(cache.read_text())["images"]) == 1


def test_a_cache_folder_that_cannot_be_written_is_only_said(tmp_path, paint, monkeypatch, caplog):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("CITYZOO_HOME", str(tmp_path / "file"))
    path = str(paint(tmp_path / "a.png"))
    assert image_info.open_images([path], "x")[path].size_hw == (48, 64)
    assert "the next run will open the images again" in caplog.text


def test_equal_content_has_an_equal_digest(tmp_path):
    for name in ("a.png", "b.png"):
        Image.new("RGB", (8, 8), (1, 2, 3)).save(tmp_path / name)
    Image.new("RGB", (8, 8), (1, 2, 4)).save(tmp_path / "c.png")
    digests = [image_info.open_image(str(tmp_path / f"{name}.png")).digest for name in "abc"]
    assert digests[0] == digests[1] != digests[2]


def test_a_long_opening_shows_a_bar(tmp_path, paint, monkeypatch, capsys):
    monkeypatch.setattr(image_info, "QUIET_SECONDS", -1.0)
    paths = [str(paint(tmp_path / f"{number}.png")) for number in range(3)]
    image_info.open_images(paths, "x", progress=False)
    assert capsys.readouterr().out == ""
    image_info.open_images(paths, "y")
    assert "3/3" in capsys.readouterr().out


def test_a_look_survives_scaling_saving_again_and_turning(tmp_path):
    noise = np.random.default_rng(3).integers(0, 256, (12, 16, 3), np.uint8)
    photo = Image.fromarray(noise).resize((640, 480), Image.Resampling.BICUBIC)
    exif = Image.Exif()
    exif[0x0112] = 6
    ways = {
        "a.png": (photo, {}),
        "b.jpg": (photo, {"quality": 40}),
        "c.jpg": (photo.resize((320, 240)), {"quality": 90}),
        "d.jpg": (photo.transpose(Image.Transpose.ROTATE_90), {"exif": exif, "quality": 90}),
        "e.tif": (photo.transpose(Image.Transpose.ROTATE_90), {"exif": exif}),
        "f.png": (photo.convert("RGBA"), {}),
        "g.png": (photo.convert("L"), {}),
    }
    looks = {}
    for name, (image, save) in ways.items():
        image.save(tmp_path / name, **save)
        look = image_info.open_image(str(tmp_path / name)).perceptual_hash
        assert len(look) == 16
        looks[name] = int(look, 16)
    assert max((look ^ looks["a.png"]).bit_count() for look in looks.values()) <= 3
    Image.fromarray(noise[:, ::-1]).resize((640, 480)).save(tmp_path / "mirrored.jpg")
    other = int(image_info.open_image(str(tmp_path / "mirrored.jpg")).perceptual_hash, 16)
    assert (other ^ looks["a.png"]).bit_count() > 10


def test_a_look_counts_falling_brightness_by_hand(tmp_path):
    grey = np.full((8, 9), 100, np.uint8)
    grey[0, 0], grey[7, 8] = 200, 50  # brighter than its right neighbour; darker than its left one
    Image.fromarray(grey).save(tmp_path / "a.png")
    assert image_info.open_image(str(tmp_path / "a.png")).perceptual_hash == "8000000000000001"
    deep = grey.astype(np.uint16) * 257
    Image.fromarray(deep).save(tmp_path / "b.png")
    assert image_info.open_image(str(tmp_path / "b.png")).perceptual_hash == "8000000000000001"


def test_a_defect_has_no_look(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"x")
    assert image_info.open_image(str(tmp_path / "a.jpg")).perceptual_hash == ""
