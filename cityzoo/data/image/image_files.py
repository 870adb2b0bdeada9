"""Image files: recognized by their suffix, or by their first bytes."""

from __future__ import annotations

import re
from pathlib import Path

from cityzoo.data.files import files_under, open_file

_NAMES = """
jpg jpeg jpe jfif jif jpg_large jpeg_large mpo png apng gif webp bmp dib tif tiff ppm pgm pbm pnm
jp2 j2k jpx avif heic heif
"""
_OTHERS = "txt xml json csv tsv yaml yml md npy npz cache zip py data names"
IMAGE_SUFFIXES = frozenset(f".{name}" for name in _NAMES.split())
_NO_IMAGES = frozenset(f".{name}" for name in _OTHERS.split())  # their first bytes are not read
_SIGNATURES = re.compile(  # of JPEG, PNG, GIF, BMP, TIFF, WebP, AVIF and HEIC, JPEG 2000
    rb"\xff\xd8\xff|\x89PNG\r\n|GIF8[79]a|BM.{4}\0{4}|II\*\0|MM\0\*|RIFF.{4}WEBP|.{4}ftyp(avi[fs]|hei[cfx]|mif1)|"
    rb"\0{3}\x0cjP  ",
    re.DOTALL,
)


def is_image(path: Path) -> bool:
    """Return whether a file has an image's suffix, or begins like an image; names that start with a dot do not count.

    Example:
        >>> is_image(Path("a.JPG")), is_image(Path("._a.jpg")), is_image(Path("a.txt"))
        (True, False, False)
    """
    suffix = path.suffix.lower()
    if path.name.startswith(".") or suffix in _NO_IMAGES:
        return False
    return suffix in IMAGE_SUFFIXES or _begins_like_image(path)


def _begins_like_image(path: Path) -> bool:
    try:
        with open_file(path) as file:
            return bool(_SIGNATURES.match(file.read(16)))
    except (OSError, ValueError):
        return False


def images_under(folder: Path) -> list[Path]:
    """Return the image files in a folder and its subfolders, in alphabetical order."""
    return sorted(each for each in files_under(folder) if is_image(each))
