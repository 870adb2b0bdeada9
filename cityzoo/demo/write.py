"""Write demo data to disk, as anyone's own data set would lie there."""

from __future__ import annotations

import json
import multiprocessing
import shutil
import uuid
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from cityzoo.cache_dir import cache_dir
from cityzoo.demo.writers import WRITERS
from cityzoo.errors import InputError, unknown

if TYPE_CHECKING:
    from cityzoo.demo.scenes.traffic_scene import Scene

FORMATS = tuple(WRITERS)
SPLITS = ("train", "val", "test")
DEFAULT_COUNTS = {"train": 1200, "val": 100}
MARK = "demo.json"  # says what a finished folder holds
LARGEST_COUNT = 100_000  # images of one split; keeps the seeds of two splits apart
Progress = Callable[[int, int], None]


def scene_seed(seed: int, split: str, number: int) -> int:
    """Return the seed of one image: no two (seed, split, number) share one.

    Example:
        >>> scene_seed(0, "train", 99_999) < scene_seed(0, "val", 0) < scene_seed(1, "train", 0)
        True
    """
    return (seed * len(SPLITS) + SPLITS.index(split)) * LARGEST_COUNT + number


@dataclass(frozen=True)
class Demo:
    """Hold one kind of demo data.

    Attributes:
        task: name of the task that it is for.
        version: counts up whenever the drawing changes, so that nobody trains on a cached older one unawares.
        class_names: what the labels of its scenes point to.
        draw: seed -> scene with image, boxes_xyxy, labels.
        draw_held_out: likewise for val and test, where they show what train does not; None: `draw` for all.
        format: how it is written when nobody says.
        counts: images a split when nobody says.
    """

    task: str
    version: int
    class_names: tuple[str, ...]
    draw: Callable[[int], Scene]
    draw_held_out: Callable[[int], Scene] | None = None
    format: str = "yolo"
    counts: Mapping[str, int] = field(default_factory=lambda: dict(DEFAULT_COUNTS))

    def draw_of(self, split: str) -> Callable[[int], Scene]:
        """Return what draws the scenes of a split."""
        return self.draw if split == "train" or self.draw_held_out is None else self.draw_held_out


def write_demo(
    demo: Demo,
    counts: Mapping[str, int] | None = None,
    seed: int = 0,
    folder: str | Path | None = None,
    format: str | None = None,
    progress: Progress | None = None,
    workers: int = 1,
) -> Path:
    """Write demo data once and return its folder; a finished folder of the same content is used again.

    The folder appears whole or not at all: images are drawn into a hidden one beside it, which is renamed
    at the end. Two runs that make the same folder at once do no harm.

    Args:
        demo: the demo data.
        counts: images a split, of train, val, test; the demo's own when None.
        seed: 0 or more; equal seeds give equal files.
        folder: where to write; None for a folder in the user's cache (see cache_home), named by content.
        format: "yolo" (data.yaml, images/SPLIT, labels/SPLIT), "coco" (SPLIT/, annotations/) or "folders"
            (SPLIT/CLASS, masks/SPLIT/CLASS); the demo's own when None.
        progress: called as progress(done, total) after each image.
        workers: processes that draw; more than one only where the program's main module can be imported
            again (`if __name__ == "__main__"`).

    Raises:
        InputError: an unknown format or split, a bad count or seed, a folder with something else, or scenes
            that cannot be written in this format.
        OSError: the disk is full or may not be written to.
    """
    counts = demo.counts if counts is None else counts
    format = demo.format if format is None else format
    _check(counts, seed, format)
    counts = {split: int(counts[split]) for split in SPLITS if split in counts}
    made = {"task": demo.task, "version": demo.version, "seed": seed, "counts": counts, "format": format}
    target = Path(folder).expanduser() if folder is not None else _cached(made)
    if _holds(target, made):
        return target
    with _hidden_beside(target) as draft:
        scenes = _scenes(demo, counts, seed, progress or (lambda done, total: None), workers)
        WRITERS[format](draft, demo.class_names, scenes, counts)
        (draft / MARK).write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")
        _publish(draft, target, made)
    return target


def _check(counts: Mapping[str, int], seed: int, format: str) -> None:
    if format not in FORMATS:
        raise unknown("demo format", format, FORMATS)
    if not counts:
        raise InputError(f"no counts: expected images for some of {', '.join(SPLITS)}, name at least one")
    for split, count in counts.items():
        if split not in SPLITS:
            raise unknown("split", split, SPLITS)
        if not 1 <= count <= LARGEST_COUNT:
            raise InputError(f"{count} images for {split}: expected 1 to {LARGEST_COUNT}, give another count")
    if seed < 0:
        raise InputError(f"seed {seed}: expected 0 or more, give another seed")


def _cached(made: Mapping) -> Path:
    counts = "-".join(f"{split}{count}" for split, count in made["counts"].items())
    name = f"{made['task']}-v{made['version']}-seed{made['seed']}-{counts}"
    return cache_dir() / "demo" / (name if made["format"] == "yolo" else f"{name}-{made['format']}")


def _holds(target: Path, made: Mapping) -> bool:
    """Return whether a folder already holds just this; raise InputError when it holds something else."""
    if not target.exists():
        return False
    if not target.is_dir():
        raise InputError(f"{target} is a file: expected a new or empty folder, choose another")
    mark = target / MARK
    if mark.is_file() and mark.read_text(encoding="utf-8") == json.dumps(made, indent=1) + "\n":
        return True
    if any(target.iterdir()):
        raise InputError(
            f"{target} is not empty: expected a new or empty folder, choose another or empty it first"
        )
    return False


@contextmanager
def _hidden_beside(target: Path) -> Iterator[Path]:
    draft = target.parent / f".{target.name}-{uuid.uuid4().hex[:8]}.part"
    draft.mkdir(parents=True)
    try:
        yield draft
    finally:
        shutil.rmtree(draft, ignore_errors=True)  # gone already when it was published


def _publish(draft: Path, target: Path, made: Mapping) -> None:
    try:
        if target.is_dir() and not any(target.iterdir()):
            target.rmdir()  # an empty folder in the way stops a rename on some systems
        draft.rename(target)
    except OSError:
        if not _holds(target, made):  # else another run was faster with the same content
            raise


def _scenes(
    demo: Demo, counts: Mapping[str, int], seed: int, progress: Progress, workers: int
) -> Iterator[tuple[str, int, Scene]]:
    places = [(split, number) for split, count in counts.items() for number in range(count)]
    with ExitStack() as stack:
        spread: Callable = map
        if workers > 1:
            pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"))
            spread = partial(stack.enter_context(pool).map, chunksize=8)
        runs = [
            spread(demo.draw_of(split), [scene_seed(seed, split, number) for number in range(count)])
            for split, count in counts.items()
        ]
        scenes = chain.from_iterable(runs)
        for done, ((split, number), scene) in enumerate(zip(places, scenes, strict=True), 1):
            yield split, number, scene
            progress(done, len(places))
