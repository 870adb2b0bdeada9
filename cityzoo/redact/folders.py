"""Redaction of image files: new files of pixels alone, without EXIF, GPS, thumbnails, comments or color profiles."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from cityzoo.data.files import confine
from cityzoo.data.image.decode import read_image
from cityzoo.data.image.image_files import images_under, is_image
from cityzoo.errors import DAMAGE, InputError, escape_control
from cityzoo.redact.redactor import Redactor
from cityzoo.redact.regions import Region
from cityzoo.redact.summary import Summary
from cityzoo.replace_file import replace_file, unfinished_name

LOG = logging.getLogger(__name__)
KEPT_SUFFIXES = (".jpg", ".jpeg", ".png")  # others become NAME.png
Progress = Callable[[int, int], object]


def find_images(source: Path) -> list[Path]:
    """Return the image files of a folder, or the one that is given.

    Raises:
        InputError: there are none.
    """
    with confine(str(source)):
        found = images_under(source) if source.is_dir() else [source] if is_image(source) else []
    if not found:
        raise InputError(f"'{source}' has no images: give a folder, an image or a video")
    return found


def redact_images(
    source: Path,
    target: Path,
    redactor: Redactor,
    labels: Mapping[Path, Sequence[Region]] | None = None,
    progress: Progress = lambda done, total: None,
) -> tuple[Summary, list[Path]]:
    """Write redacted copies of images; the target appears when all are written.

    Args:
        source: an image, or a folder, whose subfolders are kept.
        target: a new file or folder.
        redactor: what covers them.
        labels: absolute path of an image -> what should be covered; images that are not in it are not counted.
        progress: called with the number of finished images and of all.

    Returns:
        What was found, and images that could not be read: they have no copy.

    Raises:
        InputError: no image can be read, or the target is neither a folder nor called .jpg or .png.
    """
    if not source.is_dir() and target.suffix.lower() not in KEPT_SUFFIXES:
        raise InputError(f"'{target}': a copy is a JPEG or PNG file; give a name that ends in .jpg or .png")
    images, summary, unread = find_images(source), Summary(), list[Path]()
    with confine(str(source)), replace_folder(target) if source.is_dir() else replace_file(target) as part:
        for done, path in enumerate(images, 1):
            image = read_or_none(path)
            if image is None:
                unread.append(path)
            else:
                covered, regions = redactor.redact(image)
                write_image(covered, part / copy_name(path.relative_to(source)) if source.is_dir() else part)
                if labels is None or path.resolve() in labels:
                    known = labels[path.resolve()] if labels else ()
                    summary.add((image.shape[0], image.shape[1]), regions, known)
            progress(done, len(images))
        if len(unread) == len(images):
            raise InputError(f"no image of '{source}' can be read: give images that open in a viewer")
    return summary, unread


def read_or_none(path: Path) -> np.ndarray | None:
    """Return an image, (H, W, 3) uint8 RGB, upright; None with a warning if it cannot be read."""
    try:
        return read_image(path)
    except DAMAGE as error:
        LOG.warning("'%s' has no copy, since it cannot be read: %s", escape_control(str(path)), error)
        return None


def copy_name(name: Path) -> Path:
    """Return the name of a copy.

    Example:
        >>> copy_name(Path("day/a.JPG")).as_posix(), copy_name(Path("b.webp")).as_posix()
        ('day/a.JPG', 'b.webp.png')
    """
    return name if name.suffix.lower() in KEPT_SUFFIXES else name.with_name(f"{name.name}.png")


def write_image(image: np.ndarray, path: Path) -> None:
    """Write pixels, (H, W, 3) uint8 RGB, as JPEG or PNG by the suffix, and nothing else."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encode_image(image, path.suffix))


def encode_image(image: np.ndarray, suffix: str) -> bytes:
    """Return pixels, (H, W, 3) uint8 RGB, as a PNG or, for .jpg and .jpeg, as a JPEG, without any metadata."""
    is_jpeg, content = suffix.lower() in (".jpg", ".jpeg"), io.BytesIO()
    options: dict[str, Any] = {"quality": 95} if is_jpeg else {}
    Image.fromarray(image).save(content, "JPEG" if is_jpeg else "PNG", **options)
    return content.getvalue()


@contextmanager
def replace_folder(target: Path) -> Iterator[Path]:
    """Lend a hidden folder next to a path that becomes it at the end; on an error it is removed."""
    import shutil

    part = unfinished_name(target)
    part.mkdir(parents=True)
    try:
        yield part
        part.rename(target)
    finally:
        shutil.rmtree(part, ignore_errors=True)
