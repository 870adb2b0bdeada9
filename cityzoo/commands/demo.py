"""Write demo data: python -m cityzoo demo vehicle_detect --out FOLDER."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from functools import partial

from cityzoo import cli, tasks
from cityzoo.data.image.formats import replace_deprecated
from cityzoo.demo import DEFAULT_COUNTS, Demo, FileDemo, write_demo
from cityzoo.errors import InputError

VIDEO, FRAMES = "traffic_video", "traffic_video_frames"  # besides the tasks
FILES = {
    "captioned_scenes": "images with a sentence each, to align",
    "faq": "a city's frequent questions, to answer from",
    "keywords": "spoken by espeak-ng, to train sound_classify with",
    "spoken_calls": "calls to a hotline, to listen to",
    "spoken_digits": "by 168 voices of espeak-ng, to train sound_classify with besides few real ones",
}
OF_IMAGES, OF_VIDEOS = ("count", "format"), ("video", "fps")  # flags


def _parser() -> cli.Parser:
    parser = cli.Parser(
        prog="python -m cityzoo demo",
        description="Write the demo data of a task to disk, as an example of the format or to try the tools.\n"
        "Images are rendered, series simulated, texts made from templates; equal seeds give equal files.",
        epilog="example: python -m cityzoo demo vehicle_detect --out demo_traffic --count 50 --seed 1",
    )
    parser.add_argument(
        "task",
        metavar="TASK",
        help=f"one of: {', '.join(tasks.names())}; {VIDEO}: a road to watch, with its truth; {FRAMES}: labeled frames "
        "of other videos of it, to train vehicle_detect with; "
        + "; ".join(f"{name}: {about}" for name, about in FILES.items()),
    )
    parser.add_argument("--out", required=True, metavar="FOLDER", help="a new or empty folder")
    parser.add_argument(
        "--format",
        metavar="FORMAT",
        help="yolo: data.yaml, images/, labels/; coco: train/, val/, annotations/instances_*.json; "
        "class_folders: train/CLASS/, val/CLASS/, masks/ (default: depends on the task)",
    )
    parser.add_argument(
        "--count",
        type=int,
        metavar="N",
        help="total number of images, at least one per split; most go to train (default: depends on the task)",
    )
    parser.add_argument(
        "--video", metavar="NAME", help="incidents: 10 minutes, the default; normal: an hour; short: 20 s"
    )
    parser.add_argument("--fps", type=float, metavar="F", help="frames per second of the video (default: 5)")
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="0 or more (default: %(default)s)")
    return parser


def split_count(count: int, usual: Mapping[str, int] = DEFAULT_COUNTS) -> dict[str, int]:
    """Return the number of images per split for a total, in the usual proportions.

    Raises:
        InputError: fewer images than splits.

    Example:
        >>> split_count(380), split_count(2)
        ({'train': 351, 'val': 29}, {'train': 1, 'val': 1})
        >>> split_count(10, {"train": 300, "val": 50, "test": 150})
        {'train': 6, 'val': 1, 'test': 3}
    """
    if count < len(usual):
        raise InputError(
            f"--count {count}: expected at least {len(usual)}, one image for each of {', '.join(usual)}"
        )
    shared: dict[str, int] = {}
    first, *others = usual
    for waiting, split in enumerate(reversed(others), 1):
        most = count - sum(shared.values()) - (len(usual) - waiting)
        shared[split] = min(most, max(1, round(count * usual[split] / sum(usual.values()))))
    shared[first] = count - sum(shared.values())
    return {split: shared[split] for split in usual}


def _show(done: int, total: int) -> None:
    if sys.stderr.isatty():
        bar = "=" * (30 * done // total)
        sys.stderr.write(f"\r[{bar:<30}] {done}/{total} images" + ("\n" if done == total else ""))


def _refuse(given: argparse.Namespace, names: Sequence[str], kind: str) -> None:
    for name in names:
        if getattr(given, name) is not None:
            raise InputError(f"--{name} applies to {kind} only: remove it for {given.task}")


def _write_files(demo: FileDemo, given: argparse.Namespace) -> int:
    _refuse(given, OF_IMAGES, "images")
    sys.stdout.write(f"{demo.write(given.out, given.seed)}: {demo.content}\n")
    return 0


def _write_video(given: argparse.Namespace) -> int:
    from cityzoo.demo.videos import write_video

    _refuse(given, OF_IMAGES, "images")
    folder = write_video(
        given.out,
        given.video or "incidents",
        given.seed,
        5.0 if given.fps is None else given.fps,
        progress=_show,
    )
    sys.stdout.write(f"{folder}: video.mp4, tracks.txt, truth.json, scene.yaml\n")
    return 0


def _find_demo(name: str) -> Demo | FileDemo:
    if name == FRAMES:
        from cityzoo.demo.videos import video_frames

        return video_frames()
    if name in FILES:
        return _find_files(name)
    task = tasks.find(name)
    if task.demo is None:
        raise InputError(f"task {name!r} has no demo data: train it on your own with --data")
    demo: Demo | FileDemo = task.demo()
    return demo


def _find_files(name: str) -> FileDemo:
    from cityzoo.demo.scenes import scene_captions
    from cityzoo.demo.sounds import VERSION, clips, spoken_calls, spoken_digits
    from cityzoo.demo.texts import faq

    if name == "captioned_scenes":
        content = "images, and train.csv, val.csv and test.csv with their sentences"
        with_progress = partial(scene_captions.write_captioned, progress=_show)
        return FileDemo(name, scene_captions.VERSION, with_progress, content)
    write, content = {
        "faq": (faq.write, "faq.csv, and questions.csv to try it with"),
        "keywords": (clips.write_keywords, "keywords, other words and backgrounds"),
        "spoken_calls": (spoken_calls.write, "recordings, and truth.csv"),
        "spoken_digits": (spoken_digits.write, "digits, named {digit}_{voice}_0.wav"),
    }[name]
    return FileDemo(name, VERSION, write, content)


def main(arguments: Sequence[str]) -> int:
    """Write the demo data of a task; return 0."""
    given = _parser().parse_args(arguments)
    if given.task == VIDEO:
        return _write_video(given)
    _refuse(given, OF_VIDEOS, VIDEO)
    demo = _find_demo(given.task)
    if isinstance(demo, FileDemo):
        return _write_files(demo, given)
    counts = demo.counts if given.count is None else split_count(given.count, demo.counts)
    form = replace_deprecated(given.format) if given.format else demo.format
    folder = write_demo(demo, counts, given.seed, given.out, form, _show)
    written = ", ".join(f"{count} {split}" for split, count in counts.items())
    sys.stdout.write(f"{folder}: {written} images as {form.upper()}\n")
    return 0
