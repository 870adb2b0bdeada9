"""Facts of image files (size, EXIF orientation, color mode, hashes, defects), with a cache on disk."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import struct
import time
import zlib
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from PIL import ExifTags, Image, ImageOps

from cityzoo.cache_dir import cache_dir
from cityzoo.data.files import LARGEST_BYTES, open_file
from cityzoo.data.image.decode import DECODING, as_rgb, has_alpha, open_header
from cityzoo.errors import InputError
from cityzoo.replace_file import remove_unfinished, replace_file

LOG = logging.getLogger(__name__)
VERSION = 4  # of the cache: increase it when a field changes
QUIET_SECONDS = 2.0  # delay of the progress bar
_BROKEN = (OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error, Image.DecompressionBombError)


@dataclass(frozen=True)
class ImageInfo:
    """Facts of an image file."""

    stored_hw: tuple[int, int] = (0, 0)  # height and width as stored, before EXIF rotation
    orientation: int = 1  # EXIF orientation, 1..8; 1 is upright
    kinds: tuple[str, ...] = ()  # differences from 8-bit RGB: "grey", "palette", "cmyk", "alpha", "16-bit"
    plain: bool = False  # whether TensorFlow decodes it correctly
    digest: str = ""  # blake2b of the file's bytes, hexadecimal
    # 64-bit dHash of the upright image, 16 hexadecimal digits; similar images differ in few bits, whatever
    # their size and compression. "" for a defective image.
    perceptual_hash: str = ""
    defect: str = ""  # "missing", "unreadable", or "" for a good image
    reason: str = ""  # description of the defect

    @property
    def size_hw(self) -> tuple[int, int]:
        """Height and width of the upright image."""
        return self.stored_hw[::-1] if self.orientation >= 5 else self.stored_hw


def open_image(path: str) -> ImageInfo:
    """Return the facts of one image; it is decoded just far enough to detect truncation. Never raises."""
    try:
        with open_file(path, LARGEST_BYTES) as file:
            return _describe_file(file)
    except FileNotFoundError:
        return ImageInfo(defect="missing", reason="no such file")
    except InputError as error:
        return ImageInfo(defect="unreadable", reason=str(error).removeprefix(f"'{path}' "))


def _describe_file(file: BinaryIO) -> ImageInfo:
    hashed = hashlib.blake2b(digest_size=16)
    for chunk in iter(lambda: file.read(1 << 20), b""):
        hashed.update(chunk)
    digest, length = hashed.hexdigest(), file.tell()
    if not length:
        return ImageInfo(digest=digest, defect="unreadable", reason="empty file")
    file.seek(max(0, length - 2))
    end = file.read()
    file.seek(0)
    try:
        with open_header(file) as image:
            return _describe(image, end, digest)
    except _BROKEN as error:
        return ImageInfo(digest=digest, defect="unreadable", reason=_one_line(error))


def _one_line(error: BaseException) -> str:
    text = " ".join(str(error).split())[:200] or type(error).__name__
    return "not an image" if "cannot identify image file" in text else text


def _describe(image: Image.Image, end: bytes, digest: str) -> ImageInfo:
    tile, stored, written = getattr(image, "tile", ()), image.size, image.format
    raw_mode = str(tile[0][3]) if tile else ""
    if image.mode == "F":
        raise ValueError("floating-point pixels have no defined range")
    kinds = _kinds(image, raw_mode)
    if written in ("JPEG", "MPO"):
        image.draft(None, (max(1, stored[0] // 8), max(1, stored[1] // 8)))
    with DECODING.hold(image.width * image.height):
        orientation = image.getexif().get(ExifTags.Base.Orientation, 1)  # loads a PNG
        orientation = orientation if orientation in range(1, 9) else 1
        image.load()
        if written == "TIFF":  # Pillow turns TIFF upright while loading
            stored = image.size[::-1] if orientation >= 5 else image.size
        else:
            ImageOps.exif_transpose(image, in_place=True)
        similarity = perceptual_hash(image)
        image.close()  # frees its pixels before another thread decodes
    whole = end == b"\xff\xd9" if written == "JPEG" else written == "PNG"
    plain = whole and orientation == 1 and not set(kinds) - {"grey"} and "bilevel" not in kinds
    return ImageInfo(stored[::-1], orientation, kinds, plain, digest, similarity)


def perceptual_hash(image: Image.Image) -> str:
    """Return the 64-bit dHash of an upright image, 16 hexadecimal digits.

    The image is reduced to 9 x 8 gray pixels; each pair of neighbors in a row gives a bit, 1 if the left one is
    brighter.

    Example:
        >>> ramp = Image.linear_gradient("L")  # black at the top, white at the bottom
        >>> perceptual_hash(ramp), perceptual_hash(ramp.rotate(90)), perceptual_hash(ramp.rotate(-90))
        ('0000000000000000', '0000000000000000', 'ffffffffffffffff')
    """
    shown = image if image.mode == "L" else as_rgb(image).convert("L")
    # Lanczos is Pillow's filter that changes fewest bits when an image is scaled: of 100 camera images at half size,
    # 96 change in 3 bits or fewer, compared with 66 for BOX.
    gray = np.asarray(shown.resize((9, 8), Image.Resampling.LANCZOS, reducing_gap=8.0))
    return np.packbits(gray[:, :-1] > gray[:, 1:]).tobytes().hex()


def _kinds(image: Image.Image, raw_mode: str) -> tuple[str, ...]:
    tests = {
        "grey": image.mode in ("L", "LA", "La", "1") or image.mode.startswith("I"),
        "bilevel": image.mode == "1",
        "palette": image.mode in ("P", "PA"),
        "cmyk": image.mode in ("CMYK", "YCCK", "LAB", "HSV"),
        "alpha": has_alpha(image),
        "16-bit": image.mode.startswith("I") or ";16" in raw_mode,
    }
    return tuple(kind for kind, holds in tests.items() if holds)


def open_images(paths: Iterable[str], cache_name: str, progress: bool = True) -> dict[str, ImageInfo]:
    """Return the facts of images by path, from the cache if path, size and modification time are unchanged.

    cache_name: identifies the cache file; usually the source. progress: whether to show a bar after two seconds.
    """
    paths = list(dict.fromkeys(paths))
    name = hashlib.blake2b(cache_name.encode(), digest_size=12).hexdigest()
    cache_path = cache_dir() / "images" / f"{name}.json"
    known = _load_cache(cache_path)
    keys = {path: _key(path) for path in paths}
    facts = {path: known[key] for path, key in keys.items() if key in known}
    new = [path for path in paths if path not in facts]
    with ThreadPoolExecutor(min(16, 2 * (os.cpu_count() or 1))) as pool:
        tick = _ticker(len(new), progress)
        for done, (path, found) in enumerate(zip(new, pool.map(open_image, new), strict=True), 1):
            facts[path] = found
            tick(done)
    if any(keys[path] for path in new):
        _save_cache(cache_path, known | {keys[path]: facts[path] for path in new if keys[path]})
    return facts


def _key(path: str) -> str:
    try:
        state = os.stat(path)
    except OSError:
        return ""
    return f"{os.path.abspath(path)}|{state.st_size}|{state.st_mtime_ns}"


def _ticker(total: int, progress: bool) -> Callable[[int], None]:
    start = time.monotonic()
    bars: list[Any] = []

    def tick(done: int) -> None:
        if not progress or time.monotonic() - start < QUIET_SECONDS:
            return
        if not bars:
            from keras.utils import Progbar  # imported late: reading annotations does not need Keras

            LOG.info("opening %d images (cached for later runs)", total)
            bars.append(Progbar(total, unit_name="image", interval=0.5))
        bars[0].update(done)

    return tick


def _load_cache(path: Path) -> dict[str, ImageInfo]:
    try:
        content = json.loads(path.read_text("utf-8"))
        if content["version"] != VERSION:
            return {}
        return {
            key: ImageInfo(**row | {name: tuple(row[name]) for name in ("stored_hw", "kinds")})
            for key, row in content["images"].items()
        }
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _save_cache(path: Path, facts: dict[str, ImageInfo]) -> None:
    rows = {key: asdict(each) for key, each in facts.items()}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        remove_unfinished(path.parent)
        with replace_file(path) as part:
            part.write_text(json.dumps({"version": VERSION, "images": rows}), "utf-8")
    except OSError as error:
        LOG.warning("cannot write the cache %s (%s): the next run will open the images again", path, error)
