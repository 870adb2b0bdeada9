"""Write demo data to disk, as anyone's own data set would lie there."""

from __future__ import annotations

import json
import multiprocessing
import shutil
import uuid
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from cityzoo.errors import InputError, unknown
from cityzoo.home import cache_home

if TYPE_CHECKING:
    from cityzoo.demo.traffic_scene import Scene

FORMATS = ("yolo", "coco")
SPLITS = ("train", "val", "test")
DEFAULT_COUNTS = {"train": 1200, "val": 100}
MARK = "demo.json"  # says what a finished folder holds
LARGEST_COUNT = 100_000  # pictures of one split; keeps the seeds of two splits apart
Progress = Callable[[int, int], None]


def scene_seed(seed: int, split: str, number: int) -> int:
    """Return the seed of one picture: no two (seed, split, number) share one.

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
    """

    task: str
    version: int
    class_names: tuple[str, ...]
    draw: Callable[[int], Scene]


def materialise(
    demo: Demo,
    counts: Mapping[str, int] | None = None,
    seed: int = 0,
    folder: str | Path | None = None,
    format: str = "yolo",
    progress: Progress | None = None,
    workers: int = 1,
) -> Path:
    """Write demo data once and return its folder; a finished folder of the same content is used again.

    The folder appears whole or not at all: pictures are drawn into a hidden one beside it, which is renamed
    at the end. Two runs that make the same folder at once do no harm.

    Args:
        demo: the demo data.
        counts: pictures a split, of train, val, test; `DEFAULT_COUNTS` when None.
        seed: 0 or more; equal seeds give equal files.
        folder: where to write; None for a folder in the user's cache (see cache_home), named by content.
        format: "yolo" (data.yaml, images/SPLIT, labels/SPLIT) or "coco" (SPLIT/, annotations/).
        progress: called as progress(done, total) after each picture.
        workers: processes that draw; more than one only where the program's main module can be imported
            again (`if __name__ == "__main__"`).

    Raises:
        InputError: an unknown format or split, a bad count or seed, or a folder with something else.
        OSError: the disk is full or may not be written to.
    """
    counts = DEFAULT_COUNTS if counts is None else counts
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
        raise InputError(f"no counts: expected pictures for some of {', '.join(SPLITS)}, name at least one")
    for split, count in counts.items():
        if split not in SPLITS:
            raise unknown("split", split, SPLITS)
        if not 1 <= count <= LARGEST_COUNT:
            raise InputError(
                f"{count} pictures for {split}: expected 1 to {LARGEST_COUNT}, give another count"
            )
    if seed < 0:
        raise InputError(f"seed {seed}: expected 0 or more, give another seed")


def _cached(made: Mapping) -> Path:
    counts = "-".join(f"{split}{count}" for split, count in made["counts"].items())
    name = f"{made['task']}-v{made['version']}-seed{made['seed']}-{counts}"
    return cache_home() / "demo" / (name if made["format"] == "yolo" else f"{name}-{made['format']}")


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
    seeds = [scene_seed(seed, split, number) for split, number in places]
    with ExitStack() as stack:
        scenes = map(demo.draw, seeds)
        if workers > 1:
            pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"))
            scenes = stack.enter_context(pool).map(demo.draw, seeds, chunksize=8)
        for done, ((split, number), scene) in enumerate(zip(places, scenes, strict=True), 1):
            yield split, number, scene
            progress(done, len(places))


def _save(scene: Scene, path: Path) -> None:
    Image.fromarray(scene.image).save(path, quality=92, subsampling=0)


def write_yolo(
    folder: Path,
    class_names: tuple[str, ...],
    scenes: Iterator[tuple[str, int, Scene]],
    counts: Mapping[str, int],
) -> None:
    """Write data.yaml, images/SPLIT/*.jpg, labels/SPLIT/*.txt: class, centre, size, all 0..1."""
    for split in counts:
        (folder / "images" / split).mkdir(parents=True)
        (folder / "labels" / split).mkdir(parents=True)
    for split, number, scene in scenes:
        name, (high, wide) = f"{split}_{number:05d}", scene.image.shape[:2]
        _save(scene, folder / "images" / split / f"{name}.jpg")
        rows = []
        for (x1, y1, x2, y2), label in zip(scene.boxes_xyxy.tolist(), scene.labels.tolist(), strict=True):
            centre_and_size = ((x1 + x2) / 2 / wide, (y1 + y2) / 2 / high, (x2 - x1) / wide, (y2 - y1) / high)
            rows.append(f"{label} " + " ".join(f"{v:.7f}" for v in centre_and_size) + "\n")
        (folder / "labels" / split / f"{name}.txt").write_text("".join(rows), encoding="utf-8")
    lines = [f"{split}: images/{split}\n" for split in counts] + ["names:\n"]
    lines += [f"  {k}: {name}\n" for k, name in enumerate(class_names)]
    (folder / "data.yaml").write_text("".join(lines), encoding="utf-8")


def write_coco(
    folder: Path,
    class_names: tuple[str, ...],
    scenes: Iterator[tuple[str, int, Scene]],
    counts: Mapping[str, int],
) -> None:
    """Write SPLIT/*.jpg, annotations/instances_SPLIT.json: boxes x, y, width, height; classes from 1."""
    for split in counts:
        (folder / split).mkdir(parents=True)
    (folder / "annotations").mkdir()
    categories = [{"id": k, "name": name} for k, name in enumerate(class_names, 1)]
    sets = {s: {"images": [], "annotations": [], "categories": categories} for s in counts}
    for split, number, scene in scenes:
        name, (high, wide), rows = (
            f"{split}_{number:05d}.jpg",
            scene.image.shape[:2],
            sets[split]["annotations"],
        )
        _save(scene, folder / split / name)
        sets[split]["images"].append({"id": number + 1, "file_name": name, "width": wide, "height": high})
        for (x1, y1, x2, y2), label in zip(scene.boxes_xyxy.tolist(), scene.labels.tolist(), strict=True):
            row = {"id": len(rows) + 1, "image_id": number + 1, "category_id": label + 1, "iscrowd": 0}
            rows.append(row | {"bbox": [x1, y1, x2 - x1, y2 - y1], "area": (x2 - x1) * (y2 - y1)})
    for split, content in sets.items():
        path = folder / "annotations" / f"instances_{split}.json"
        path.write_text(json.dumps(content), encoding="utf-8")


WRITERS = {"yolo": write_yolo, "coco": write_coco}
