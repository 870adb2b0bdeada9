"""The feature cache: one folder per key, completed if interrupted, shared by runs, bounded on disk."""

from __future__ import annotations

import fcntl
import hashlib
import json
import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from augment.epoch_order import Rows
from cityzoo.cache_dir import cache_dir
from cityzoo.errors import InputError
from cityzoo.replace_file import remove_unfinished, replace_file

if TYPE_CHECKING:
    import keras

LOG = logging.getLogger(__name__)
FORMAT = 5  # of the folders; raised with every change of what is in them
SPARE_BYTES = 2**30  # that stay free on the disk
CAP_BYTES = 12 * 10**9  # of all features in the cache that nobody asked for by name
META = "features.json"


class CachedViews(Protocol):
    """Views of examples, of any modality, that features are computed of."""

    examples: Any
    row_bytes: int  # of a target and its matrix

    def __len__(self) -> int:
        """Return the number of examples."""

    def batches(self, rows: Rows, batch_size: int, unmixed_from: int | None = None) -> Any:
        """Return batches of (inputs, target, matrix) of (example, view) pairs, as a `tf.data.Dataset`."""

    def cache_facts(self) -> Iterator[Any]:
        """Yield what features depend on besides the network: plain values and bytes."""


@dataclass(frozen=True)
class Cache:
    """The folder that features are cached in."""

    folder: Path  # holds a folder for each key
    asked: bool  # whether the user named it: nothing is removed from it then, and lack of room is an error

    def entry(self, key: str) -> Path:
        """Return the folder of a key."""
        return self.folder / key[:32]


def choose(flag: str) -> Cache | None:
    """Return the cache that `--cache auto|off|DIR` means; off: none.

    Raises:
        InputError: the folder cannot be made or written.
    """
    if flag == "off":
        return None
    cache = Cache(cache_dir() / "features" if flag == "auto" else Path(flag), asked=flag != "auto")
    try:
        cache.folder.mkdir(parents=True, exist_ok=True)
        remove_unfinished(cache.folder)
        probe = cache.folder / f".{os.getpid()}.writable"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise InputError(
            f"features cannot be cached in '{cache.folder}' ({error.strerror}): "
            "give --cache another folder, or --cache off"
        ) from error
    return cache


def make_room(cache: Cache, key: str, needed: int) -> bool:
    """Return whether features of that many bytes may be made; remove the longest unused ones if need be.

    Raises:
        InputError: the user named the folder, and its disk has no room.
    """
    if cache.entry(key).is_dir():  # made, or begun with its full size
        return True
    others = sorted(cache.folder.glob(f"*/{META}"), key=lambda path: path.stat().st_mtime)
    sizes = {meta.parent: sum(f.stat().st_size for f in meta.parent.iterdir()) for meta in others}
    free = shutil.disk_usage(cache.folder).free - SPARE_BYTES
    if cache.asked:
        if needed > free:
            raise InputError(
                f"features need {needed / 1e9:.1f} GB, '{cache.folder}' has {max(free, 0) / 1e9:.1f} GB to spare: free "
                "some, lower --views or --image-size, or give --cache off"
            )
        return True
    for folder, size in sizes.items():
        if needed <= free and needed + sum(sizes.values()) <= CAP_BYTES:
            break
        if is_busy(folder):
            continue
        LOG.info("features of an earlier run make room: %.1f GB removed from %s", size / 1e9, folder)
        shutil.rmtree(folder, ignore_errors=True)
        free, sizes = free + size, {**sizes, folder: 0}
    return needed <= free and needed + sum(sizes.values()) <= CAP_BYTES


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Lock a key's folder, so that two runs do not write the same features; wait for the other, and log it."""
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / ".lock", "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            LOG.info("another run is making these features: waiting for it")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def is_busy(folder: Path) -> bool:
    """Return whether another process makes the features of a folder."""
    try:
        with open(folder / ".lock") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def read_meta(folder: Path, key: str) -> int:
    """Return how many views of a key are done; 0 where nothing is, or what is there cannot be trusted."""
    try:
        meta = json.loads((folder / META).read_text())
        return int(meta["done"]) if (meta["key"], meta["format"]) == (key, FORMAT) else 0
    except (OSError, ValueError, KeyError, TypeError):
        return 0


def write_meta(folder: Path, key: str, done: int, total: int) -> None:
    """Record that the first `done` of `total` views are complete, atomically."""
    with replace_file(folder / META) as part:
        part.write_text(json.dumps({"format": FORMAT, "key": key, "done": done, "total": total}))


def key_of(prefix: keras.Model, views: CachedViews, number_of_views: int) -> str:
    """Return a hash of everything that features depend on: a change of any of it makes another key.

    That is the frozen network and its weights, the examples and how they come to the network, and the versions of the
    libraries that compute.
    """
    import keras
    import tensorflow as tf

    digest = hashlib.sha256()
    facts = [FORMAT, keras.backend.backend(), keras.__version__, tf.__version__]
    digest.update(
        json.dumps([*facts, prefix.get_config(), number_of_views], default=str, sort_keys=True).encode()
    )
    for weight in prefix.get_weights():
        digest.update(np.ascontiguousarray(weight).tobytes())
    for fact in views.cache_facts():
        digest.update(
            fact if isinstance(fact, bytes) else json.dumps(fact, default=str, sort_keys=True).encode()
        )
    return digest.hexdigest()
