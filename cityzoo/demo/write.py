"""Write demo data to disk in the formats of users' own data sets, completely or not at all, and only once."""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from pathlib import Path

from cityzoo.cache_dir import cache_dir
from cityzoo.data.image.export import WRITERS, LabeledImage
from cityzoo.data.image.formats import replace_deprecated
from cityzoo.errors import InputError, unknown
from cityzoo.replace_file import remove_unfinished, unfinished_name

MARK = "demo.json"  # describes the content of a finished folder; written last
SPLITS = ("train", "val", "test")
DEFAULT_COUNTS = {"train": 1200, "val": 100}
LARGEST_COUNT = 100_000  # images per split; keeps the seeds of two splits apart
Draw = Callable[[int], LabeledImage]
Progress = Callable[[int, int], None]


def scene_seed(seed: int, split: str, number: int) -> int:
    """Return the seed of one image, unique for each (seed, split, number)."""
    return (seed * len(SPLITS) + SPLITS.index(split)) * LARGEST_COUNT + number


@dataclass(frozen=True)
class Demo:
    """Rendered demo images of a task.

    Attributes:
        task: name of the task.
        version: increases whenever the rendering changes, so that older cached images are not reused.
        class_names: classes that the labels of its scenes index.
        draw: renders the scene of a seed.
        draw_held_out: renders the scenes of val and test if they differ from train; None: `draw` renders all.
        format: default format on disk.
        counts: default number of images per split.
    """

    task: str
    version: int
    class_names: tuple[str, ...]
    draw: Draw
    draw_held_out: Draw | None = None
    format: str = "yolo"
    counts: Mapping[str, int] = field(default_factory=lambda: dict(DEFAULT_COUNTS))

    def draw_of(self, split: str) -> Draw:
        """Return the function that renders the scenes of a split."""
        return self.draw if split == "train" or self.draw_held_out is None else self.draw_held_out


@dataclass(frozen=True)
class FileDemo:
    """Demo data of a task whose examples are no images: series, texts, sounds.

    Attributes:
        task: name of the task.
        version: increases whenever the content changes, so that older cached files are not reused.
        write_files: writes the files of a seed into a folder and returns the folder.
        content: what the files are, for the message of the command.
    """

    task: str
    version: int
    write_files: Callable[[Path, int], Path]
    content: str = "simulated sensors"

    def write(self, folder: str | Path | None = None, seed: int = 0) -> Path:
        """Write the files once and return the folder; None for a folder in the user's cache."""
        cached = cache_dir() / "demo" / f"{self.task}-v{self.version}-seed{seed}"
        return self.write_files(Path(folder or cached).expanduser(), seed)


def write_demo(
    demo: Demo,
    counts: Mapping[str, int] | None = None,
    seed: int = 0,
    folder: str | Path | None = None,
    format: str | None = None,
    progress: Progress | None = None,
    workers: int = 1,
) -> Path:
    """Write demo images once and return the folder; see `write_once`.

    Args:
        demo: the demo data.
        counts: number of images per split (train, val, test); None for the demo's defaults.
        seed: 0 or more; equal seeds give equal files.
        folder: where to write; None for a folder in the user's cache (see `cache_dir`), named by its content.
        format: "yolo" (data.yaml, images/SPLIT, labels/SPLIT), "coco" (SPLIT/, annotations/) or "class_folders"
            (SPLIT/CLASS, masks/SPLIT/CLASS); None for the demo's default.
        progress: called as progress(done, total) after each image.
        workers: processes that render; more than one requires a main module that can be imported again
            (`if __name__ == "__main__"`).

    Raises:
        InputError: an unknown format or split, a count or seed out of range, a folder with other content, or
            scenes that this format cannot hold.
        OSError: the disk is full or not writable.
    """
    counts = demo.counts if counts is None else counts
    format = demo.format if format is None else replace_deprecated(format)
    _check(counts, seed, format)
    counts = {split: int(counts[split]) for split in SPLITS if split in counts}
    made = {"task": demo.task, "version": demo.version, "seed": seed, "counts": counts, "format": format}

    def fill(draft: Path) -> None:
        scenes = _render(demo, counts, seed, progress or (lambda done, total: None), workers)
        WRITERS[format](draft, demo.class_names, scenes, counts)

    return write_once(Path(folder).expanduser() if folder is not None else _cached(made), made, fill)


def _check(counts: Mapping[str, int], seed: int, format: str) -> None:
    if format not in WRITERS:
        raise unknown("demo format", format, WRITERS)
    if not counts:
        raise InputError(f"no image counts given: expected a count for at least one of {', '.join(SPLITS)}")
    for split, count in counts.items():
        if split not in SPLITS:
            raise unknown("split", split, SPLITS)
        if not 1 <= count <= LARGEST_COUNT:
            raise InputError(f"{count} images for {split}: expected 1 to {LARGEST_COUNT}")
    if seed < 0:
        raise InputError(f"seed {seed}: expected 0 or more")


def _cached(made: Mapping) -> Path:
    counts = "-".join(f"{split}{count}" for split, count in made["counts"].items())
    name = f"{made['task']}-v{made['version']}-seed{made['seed']}-{counts}"
    return cache_dir() / "demo" / (name if made["format"] == "yolo" else f"{name}-{made['format']}")


def _render(
    demo: Demo, counts: Mapping[str, int], seed: int, progress: Progress, workers: int
) -> Iterator[tuple[str, int, LabeledImage]]:
    places = [(split, number) for split, count in counts.items() for number in range(count)]
    with ExitStack() as stack:
        spread: Callable = map
        if workers > 1:
            pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), _end_with_parent)
            stack.callback(pool.shutdown, cancel_futures=True)
            spread = partial(pool.map, chunksize=8)
        runs = [
            spread(demo.draw_of(split), [scene_seed(seed, split, number) for number in range(count)])
            for split, count in counts.items()
        ]
        scenes = chain.from_iterable(runs)
        for done, ((split, number), scene) in enumerate(zip(places, scenes, strict=True), 1):
            yield split, number, scene
            progress(done, len(places))


def _end_with_parent() -> None:
    # A pool's processes wait for work for good if the process that began them is killed.
    parent = multiprocessing.parent_process()

    def wait() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def write_once(folder: Path, made: Mapping, fill: Callable[[Path], None]) -> Path:
    """Fill a folder and return it; a finished folder with the same content is reused.

    The files are written to a hidden folder next to it, which is renamed at the end, so two processes may write the
    same folder at the same time.

    Args:
        folder: a new or empty folder, or one that already has this content.
        made: JSON description of the content.
        fill: writes the files into a folder.

    Raises:
        InputError: the folder has other content.
        OSError: the disk is full or not writable.
    """
    if _is_finished(folder, made):
        return folder
    draft = unfinished_name(folder.with_name(f"{folder.name}-{uuid.uuid4().hex[:8]}"))
    remove_unfinished(folder.parent)
    draft.mkdir(parents=True)
    try:
        fill(draft)
        (draft / MARK).write_text(_to_json(made), encoding="utf-8")
        if folder.is_dir():
            folder.rmdir()  # an empty folder prevents the rename on some systems
        draft.rename(folder)
    except OSError:
        if not _is_finished(folder, made):  # otherwise another process was faster
            raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return folder


def _to_json(made: Mapping) -> str:
    return json.dumps(dict(made), indent=1) + "\n"


def _is_finished(folder: Path, made: Mapping) -> bool:
    if not folder.exists():
        return False
    if not folder.is_dir():
        raise InputError(f"{folder} is a file: expected a new or empty folder, choose another")
    mark = folder / MARK
    if mark.is_file() and mark.read_text(encoding="utf-8") == _to_json(made):
        return True
    if any(folder.iterdir()):
        raise InputError(
            f"{folder} is not empty: expected a new or empty folder, choose another or empty it first"
        )
    return False
