"""The same JPEG files for every contender: real pictures resized, or scenes that the project draws."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

QUALITY = 90  # of the JPEG files; 4:2:0, as cameras write them
SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp")
BOXES_A_PICTURE = 6  # where a folder of pictures says nothing of boxes


@dataclass(frozen=True)
class Setting:
    """Hold how large the files are and how large the network's input is; `name` is how it is written.

    Example:
        >>> Setting.parse("1280x720:256x256")
        Setting(name='1280x720:256x256', picture_hw=(720, 1280), size_hw=(256, 256))
    """

    name: str
    picture_hw: tuple[int, int]
    size_hw: tuple[int, int]

    @classmethod
    def parse(cls, text: str) -> Setting:
        """Read WIDTHxHEIGHT:WIDTHxHEIGHT, file first; raise ValueError for anything else."""
        found = re.fullmatch(r"(\d+)x(\d+):(\d+)x(\d+)", text)
        sides = [int(side) for side in found.groups()] if found else []
        if not sides or min(sides) < 64 or any(side % 2 for side in sides):
            raise ValueError(f"setting '{text}': expected even sides from 64 on, such as 1280x720:256x256")
        return cls(text, (sides[1], sides[0]), (sides[3], sides[2]))


@dataclass(frozen=True)
class Job:
    """Hold what every contender is given.

    Attributes:
        paths: the JPEG files, all of `picture_hw`.
        boxes: for each file (N, 4) float32 pixels, xyxy.
        picture_hw: height and width of the files, pixels.
        size_hw: height and width of the network's input, pixels.
        batch_size: pictures in a batch.
        cores: threads of TensorFlow, or worker processes.
    """

    paths: tuple[str, ...]
    boxes: tuple[np.ndarray, ...]
    picture_hw: tuple[int, int]
    size_hw: tuple[int, int]
    batch_size: int
    cores: int


def write(
    folder: Path, setting: Setting, count: int, pictures: Path | None, batch_size: int, cores: int
) -> Job:
    """Write `count` JPEG files of the setting's size into `folder` and return the job that they make.

    Args:
        folder: exists; the files go into it.
        setting: sizes.
        count: number of files.
        pictures: folder of real pictures, searched to any depth; None: scenes of `cityzoo.demo`.
        batch_size: goes into the job.
        cores: likewise.

    Raises:
        ValueError: there are no pictures in the folder.
    """
    make = _drawn(setting) if pictures is None else _resized(setting, pictures)
    paths, boxes = [], []
    for number in range(count):
        image, boxes_xyxy = make(number)
        paths.append(str(folder / f"{number:05d}.jpg"))
        image.save(paths[-1], quality=QUALITY)
        boxes.append(boxes_xyxy)
    return Job(tuple(paths), tuple(boxes), setting.picture_hw, setting.size_hw, batch_size, cores)


Make = Callable[[int], tuple[Image.Image, np.ndarray]]


def _drawn(setting: Setting) -> Make:
    from cityzoo.demo.traffic_scene import draw_scene

    def make(number: int) -> tuple[Image.Image, np.ndarray]:
        scene = draw_scene(number, setting.picture_hw)
        return Image.fromarray(scene.image), scene.boxes_xyxy

    return make


def _resized(setting: Setting, pictures: Path) -> Make:
    files = sorted(file for file in pictures.rglob("*") if file.suffix.lower() in SUFFIXES)
    if not files:
        raise ValueError(f"--pictures {pictures}: expected pictures ({' '.join(SUFFIXES)}), found none")
    high, wide = setting.picture_hw

    def make(number: int) -> tuple[Image.Image, np.ndarray]:
        # Spread over the folder: neighbours in a folder are often frames of one video.
        with Image.open(files[number * 9973 % len(files)]) as image:
            resized = image.convert("RGB").resize((wide, high), Image.Resampling.BICUBIC)
        rng = np.random.default_rng(number)
        corner, side = (
            rng.uniform(0.1, 0.7, (BOXES_A_PICTURE, 2)),
            rng.uniform(0.05, 0.2, (BOXES_A_PICTURE, 2)),
        )
        boxes = np.concatenate([corner, corner + side], axis=1) * (wide, high, wide, high)
        return resized, boxes.astype(np.float32)

    return make
