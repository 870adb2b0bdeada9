"""The same JPEG files for every contender: resized real images, or synthetic scenes."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

QUALITY = 90  # of the JPEG files; 4:2:0, as cameras write them
SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp")
BOXES_A_IMAGE = 6  # where a folder of images says nothing of boxes


@dataclass(frozen=True)
class Setting:
    """Sizes of the files and of the network's input; `name` is the setting as text.

    Example:
        >>> Setting.parse("1280x720:256x256")
        Setting(name='1280x720:256x256', image_hw=(720, 1280), size_hw=(256, 256))
    """

    name: str
    image_hw: tuple[int, int]
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
    """Inputs of every contender.

    Attributes:
        paths: the JPEG files, all of `image_hw`.
        boxes: for each file (N, 4) float32 pixels, xyxy.
        image_hw: height and width of the files, pixels.
        size_hw: height and width of the network's input, pixels.
        batch_size: images in a batch.
        cores: threads of TensorFlow, or worker processes.
    """

    paths: tuple[str, ...]
    boxes: tuple[np.ndarray, ...]
    image_hw: tuple[int, int]
    size_hw: tuple[int, int]
    batch_size: int
    cores: int


def write(
    folder: Path, setting: Setting, count: int, images: Path | None, batch_size: int, cores: int
) -> Job:
    """Write `count` JPEG files of the setting's size into `folder` and return them as a job.

    Args:
        folder: exists; the files go into it.
        setting: sizes.
        count: number of files.
        images: folder of real images, searched to any depth; None: scenes of `cityzoo.demo`.
        batch_size: goes into the job.
        cores: likewise.

    Raises:
        ValueError: there are no images in the folder.
    """
    make = _drawn(setting) if images is None else _resized(setting, images)
    paths, boxes = [], []
    for number in range(count):
        image, boxes_xyxy = make(number)
        paths.append(str(folder / f"{number:05d}.jpg"))
        image.save(paths[-1], quality=QUALITY)
        boxes.append(boxes_xyxy)
    return Job(tuple(paths), tuple(boxes), setting.image_hw, setting.size_hw, batch_size, cores)


Make = Callable[[int], tuple[Image.Image, np.ndarray]]


def _drawn(setting: Setting) -> Make:
    from cityzoo import tasks

    draw = tasks.find("vehicle_detect").demo().draw

    def make(number: int) -> tuple[Image.Image, np.ndarray]:
        scene = draw(number, setting.image_hw)
        return Image.fromarray(scene.image), scene.boxes_xyxy

    return make


def _resized(setting: Setting, images: Path) -> Make:
    files = sorted(file for file in images.rglob("*") if file.suffix.lower() in SUFFIXES)
    if not files:
        raise ValueError(f"--images {images}: expected images ({' '.join(SUFFIXES)}), found none")
    high, wide = setting.image_hw

    def make(number: int) -> tuple[Image.Image, np.ndarray]:
        # Spread over the folder: neighbours in a folder are often frames of one video.
        with Image.open(files[number * 9973 % len(files)]) as image:
            resized = image.convert("RGB").resize((wide, high), Image.Resampling.BICUBIC)
        rng = np.random.default_rng(number)
        corner, side = (
            rng.uniform(0.1, 0.7, (BOXES_A_IMAGE, 2)),
            rng.uniform(0.05, 0.2, (BOXES_A_IMAGE, 2)),
        )
        boxes = np.concatenate([corner, corner + side], axis=1) * (wide, high, wide, high)
        return resized, boxes.astype(np.float32)

    return make
