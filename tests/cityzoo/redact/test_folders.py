"""Redacted copies of images: covered, without metadata, whole or not at all."""

import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from cityzoo.errors import InputError
from cityzoo.redact.detector import DetectorFinder
from cityzoo.redact.folders import redact_images
from cityzoo.redact.redactor import Redactor
from cityzoo.redact.regions import Region

SECRET = b"SECRET-GPS-48.137"


@pytest.fixture
def redactor(white_cells):
    return Redactor([DetectorFinder(white_cells, ["plate"], 0.5)], "fill")


@pytest.fixture
def folder(tmp_path, scene):
    """A JPEG with EXIF, GPS, XMP, a comment and a color profile, a PNG with text and EXIF, a WebP; and another file."""
    image, source = Image.fromarray(scene[0]), tmp_path / "source"
    (source / "day").mkdir(parents=True)
    exif = Image.Exif()
    exif[0x010E] = SECRET.decode()
    exif.get_ifd(0x8825)[1] = "N"
    exif.get_ifd(0x8825)[29] = SECRET.decode()
    image.save(
        source / "a.jpg", exif=exif, comment=SECRET, xmp=SECRET, icc_profile=SECRET, quality=95, dpi=(72, 72)
    )
    text = PngImagePlugin.PngInfo()
    text.add_text("Comment", SECRET.decode())
    image.save(source / "day" / "b.png", pnginfo=text, exif=exif)
    image.save(source / "c.webp", exif=exif, lossless=True)
    (source / "labels.txt").write_text("0 0.5 0.5 0.1 0.1")
    return source


def files_in(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_copies_are_covered_and_have_no_metadata(folder, scene, redactor, tmp_path):
    """Every block of every file is read back: there is none of EXIF, GPS, XMP, ICC, text or comment."""
    assert all(SECRET in (folder / name).read_bytes() for name in ("a.jpg", "day/b.png", "c.webp"))
    target = tmp_path / "out"
    summary, unread = redact_images(folder, target, redactor)
    assert files_in(target) == ["a.jpg", "c.webp.png", "day/b.png"]
    assert (summary.images, unread) == (3, [])
    for name in files_in(target):
        assert SECRET not in (target / name).read_bytes()
        with Image.open(target / name) as copy:
            copy.load()
            assert not copy.getexif()
            assert not copy.getexif().get_ifd(0x8825)
            assert set(copy.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
            pixels = np.asarray(copy)
        assert all(pixels[y : y + 8, x : x + 8].max() < 130 for x, y in scene[1])
    assert sorted(os.listdir(tmp_path)) == ["out", "source"]


def test_turned_images_are_written_upright(scene, redactor, tmp_path):
    """The orientation is in the pixels, since no EXIF is left to say it."""
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(scene[0]).save(tmp_path / "a.png", exif=exif)
    redact_images(tmp_path / "a.png", tmp_path / "b.png", redactor)
    assert Image.open(tmp_path / "b.png").size == (96, 160)


def test_recall_counts_labels_that_are_covered(folder, scene, redactor, tmp_path):
    """Only images with labels count."""
    x, y = scene[1][0]
    plates = [Region("plate", (x, y, x + 8, y + 8)), Region("plate", (60, 60, 90, 70))]
    summary, _ = redact_images(folder, tmp_path / "out", redactor, {(folder / "a.jpg").resolve(): plates})
    assert summary.images == 1
    assert summary.recall == {("plate", 0): (1, 1), ("plate", 20): (0, 1)}


def test_damaged_images_have_no_copy(folder, redactor, tmp_path, caplog):
    """They are named; without any readable image nothing is left."""
    (folder / "a.jpg").write_bytes((folder / "a.jpg").read_bytes()[:500])
    _, unread = redact_images(folder, tmp_path / "out", redactor)
    assert unread == [folder / "a.jpg"]
    assert files_in(tmp_path / "out") == ["c.webp.png", "day/b.png"]
    assert "a.jpg" in caplog.text
    with pytest.raises(InputError, match="no image"):
        redact_images(folder / "a.jpg", tmp_path / "other.jpg", redactor)
    assert not (tmp_path / "other.jpg").exists()
    with pytest.raises(InputError, match="ends in .jpg or .png"):
        redact_images(folder / "c.webp", tmp_path / "c.webp", redactor)


def test_an_error_leaves_nothing(folder, tmp_path):
    """Neither a part of the copy nor a hidden folder."""

    class Breaking:
        def find(self, image):
            raise InputError("no")

    with pytest.raises(InputError):
        redact_images(folder, tmp_path / "out", Redactor([Breaking()]))
    assert os.listdir(tmp_path) == ["source"]


TRACE = """
import sys, builtins
from pathlib import Path
written = []
sys.addaudithook(lambda event, args: written.append((str(args[0]), str(args[1]))) if event == "open" else None)
from cityzoo.redact.folders import redact_images
from cityzoo.redact.redactor import Redactor
redact_images(Path(sys.argv[1]), Path(sys.argv[2]), Redactor.from_name(sys.argv[3]))
names = {name for name, mode in written if set(mode) & set("wax+") and sys.argv[4] in name}
print(*sorted(names), sep="\\n")
"""


def test_nothing_else_is_written(folder, white_cells, tmp_path):
    """Files that are opened for writing are those of the hidden folder that becomes the target."""
    words = [str(folder), str(tmp_path / "out"), f"{white_cells}:plate@0.5+fill", str(tmp_path)]
    ran = subprocess.run(
        [sys.executable, "-c", TRACE, *words], capture_output=True, text=True, check=True, cwd=os.getcwd()
    )
    opened = [name for name in ran.stdout.split("\n") if name]
    assert len(opened) == 3
    assert all(".out/" in name for name in opened)
