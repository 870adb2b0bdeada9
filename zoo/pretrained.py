"""Weights of a backbone: published ones from cache or download, a file, or random ones."""

from __future__ import annotations

import hashlib
import logging
import os
import socket
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from zoo import registry

if TYPE_CHECKING:
    import keras

logger = logging.getLogger(__name__)
DOWNLOAD_TIMEOUT_SECONDS = 20.0
KEYWORDS = ("auto", "imagenet", "random")


@dataclass(frozen=True)
class Origin:
    """Where a backbone's weights came from, for the report.

    `path` and `sha256` are of the loaded file; `note` is a remark for the report, such as why random weights
    were used.
    """

    kind: Literal["imagenet", "file", "random"]
    path: str | None = None
    sha256: str | None = None
    note: str = ""


def cache_folder() -> Path:
    """Return Keras' folder of downloaded weights: `models` under KERAS_HOME, by default ~/.keras."""
    return Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras").expanduser() / "models"


def cached(name: str) -> bool:
    """Return whether the ImageNet weights of a backbone are in Keras' cache.

    Raises:
        ValueError: no such backbone.
    """
    return (cache_folder() / registry.get(name).weights_file).is_file()


def initialize(
    name: str, make: Callable[[bool], keras.Model], weights: str | os.PathLike = "auto"
) -> tuple[keras.Model, Origin]:
    """Build a backbone's network and load its weights.

    Args:
        name: a name of the table.
        make: builds the network with random weights, with (True) or without (False) its classifier.
        weights: "auto" (ImageNet, else random with a warning), "imagenet", "random" or a file.

    Returns:
        (the network, its `Origin`). Weights are loaded completely or not at all.

    Raises:
        ValueError: the requested weights are unavailable, or belong to another architecture.
    """
    if str(weights) == "random":
        return make(False), Origin("random", note="requested")
    if str(weights) not in KEYWORDS:
        return _from_file(name, make, Path(weights).expanduser(), "file")
    try:
        return _from_file(name, make, download(name), "imagenet")
    except ValueError as error:
        if str(weights) == "imagenet":
            raise
        logger.warning("RANDOM WEIGHTS for %s, results will be far worse: %s", name, error)
        return make(False), Origin("random", note=f"auto: {error}")


def download(name: str) -> Path:
    """Return the file of a backbone's ImageNet weights, downloading it if it is not in Keras' cache.

    The file is moved into the cache once it is complete and its hash verified (`keras.utils.get_file` writes in
    place). A read-only cache can be read.

    Raises:
        ValueError: neither cached nor downloadable; the message says where to save it manually.
    """
    row = registry.get(name)
    path = cache_folder() / row.weights_file
    if path.is_file():
        return path
    import keras

    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with socket_timeout(DOWNLOAD_TIMEOUT_SECONDS):
            keras.utils.get_file(
                part.name, row.weights_url, cache_subdir=str(path.parent), file_hash=row.weights_hash
            )
        os.replace(part, path)
    except Exception as error:  # get_file raises a bare Exception when offline
        reason = " ".join(str(error).split())
        raise ValueError(
            f"could not get ImageNet weights for '{name}' ({reason}). Save {row.weights_url} as {path} "
            "(KERAS_HOME sets the folder), or use --weights PATH or --weights random"
        ) from error
    finally:
        part.unlink(missing_ok=True)
    return path


def sha256(path: str | os.PathLike) -> str:
    """Return the SHA-256 of a file as 64 hexadecimal digits."""
    with open(path, "rb") as file:
        digest = hashlib.sha256()
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _from_file(
    name: str, make: Callable[[bool], keras.Model], path: Path, kind: Literal["imagenet", "file"]
) -> tuple[keras.Model, Origin]:
    from zoo.weights_file import load_file

    if not path.is_file():
        allowed = ", ".join(KEYWORDS)
        raise ValueError(f"weights '{path}' not found: give an existing file, or one of: {allowed}")
    model = make(False)
    load_file(model, path, name, lambda: make(True))
    return model, Origin(kind, str(path), sha256(path))


@contextmanager
def socket_timeout(seconds: float):
    """Set the time-out of new connections, and set it back."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
