"""Small data sets with known pixels and boxes."""

import itertools

import numpy as np
import pytest
from PIL import Image


@pytest.fixture(autouse=True)
def cache_home(tmp_path_factory, monkeypatch):
    """An empty cache folder for every test."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("CITYZOO_HOME", str(home))
    return home


@pytest.fixture
def paint():
    """Return a function that writes a dark image, no two alike, with one white rectangle."""
    shade = itertools.count(1)

    def paint_image(path, size_wh=(64, 48), box=None, **save):
        path.parent.mkdir(parents=True, exist_ok=True)
        number = next(shade)
        image = Image.new("RGB", size_wh, (number % 60, number // 60, 20))
        if box:
            image.paste((255, 255, 255), tuple(box))
        image.save(path, **save)
        return path

    return paint_image


@pytest.fixture
def find_white():
    """Return a function that finds the white rectangle again: x1, y1, x2, y2, exclusive edges."""

    def find(image):
        ys, xs = np.nonzero(np.asarray(image).min(axis=-1) > 128)
        return [int(xs.min()), int(ys.min()), int(xs.max()) + 1, int(ys.max()) + 1]

    return find


@pytest.fixture
def write_lines():
    """Return a function that writes lines into a file, folders included."""

    def write(path, *lines):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f"{line}\n" for line in lines), "utf-8")
        return path

    return write


@pytest.fixture
def yolo(tmp_path, paint, write_lines):
    """Return a function that writes {"train/a": ["0 .5 .5 .2 .2"], ...} as YOLO and returns the folder."""

    def write(labels, names="[car, bus]", folder=tmp_path / "yolo", **save):
        for key, lines in labels.items():
            split, stem = key.split("/")
            paint(folder / split / "images" / f"{stem}.png", **save)
            if lines is not None:
                write_lines(folder / split / "labels" / f"{stem}.txt", *lines)
        splits = [f"{split}: {split}/images" for split in dict.fromkeys(key.split("/")[0] for key in labels)]
        write_lines(folder / "data.yaml", "path: .", *splits, f"names: {names}")
        return folder

    return write
