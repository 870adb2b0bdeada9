"""Count what crosses lines in videos and camera streams: python -m cityzoo watch SOURCE --run RUN --line ..."""

from __future__ import annotations

import argparse
import itertools
import logging
import shutil
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from cityzoo.commands import watch_draw, watch_evaluate
from cityzoo.commands.watch_flags import make_scenes, parse_arguments, parse_source, read_of_cameras
from cityzoo.commands.watch_outlets import attach_outlets, run_acknowledge
from cityzoo.errors import InputError
from cityzoo.watch.sources.stream import hide_password

if TYPE_CHECKING:
    from cityzoo.watch.camera import Observer
    from cityzoo.watch.detector import Detector
    from cityzoo.watch.image_classifier import ImageClassifier
    from cityzoo.watch.scene import Scene
    from cityzoo.watch.thresholds import Thresholds
    from cityzoo.watch.watching import Watching

LOG = logging.getLogger(__name__)


def main(arguments: Sequence[str]) -> int:
    """Watch sources to their end, write the out folder and print the totals."""
    if watch_evaluate.FLAG in arguments:
        return watch_evaluate.main(arguments)
    if watch_draw.is_drawing(arguments):
        return watch_draw.main(arguments)
    if "--acknowledge" in arguments:
        sys.stdout.write(f"{run_acknowledge(arguments)}\n")
        return 0
    given = parse_arguments(arguments)
    from cityzoo.watch.detector import Detector, check_places
    from cityzoo.watch.output import describe_totals, summarize
    from cityzoo.watch.thresholds import choose_thresholds

    named = [parse_source(text) for text in given.sources]
    classifier = _open_classifier(given)
    scenes = make_scenes(given, _cameras(named), classifier.rules if classifier else ())
    detector = Detector(Path(given.run), given.classes, threads=given.threads)
    check_places(detector.path, [*scenes])
    scores = choose_thresholds(detector.thresholds, given.threshold)
    watching = _watching(given, named, scenes, detector, scores, classifier)
    facts = {"sources": [hide_password(text) for _, text in named], "detector": str(detector.path)}
    about = {
        "classes": detector.class_names,
        "kept": given.classes,
        "model": detector.model.digest,
        "threshold": scores.to_json(),
        **({"incidents": classifier.to_json()} if classifier else {}),
    }
    with _removed_if_unused(watching), end_by_signals(watching.stop):
        attach_outlets(given, watching, detector.class_names)
        watching.folder.write_summary({**facts, **about, "state": "running", **summarize(watching)})
        watching.run()
    state = "stopped" if watching.is_stopped else "ended"
    summary = {**facts, **about, "state": state, **summarize(watching)}
    watching.folder.write_summary(summary)
    watching.folder.close()
    sys.stdout.write("\n".join([*describe_totals(summary), f"written: {watching.folder.path}", ""]))
    _check_scores(watching)
    return 0


def _watching(
    given: argparse.Namespace,
    named: Sequence[tuple[str | None, str]],
    scenes: Mapping[str, Scene],
    detector: Detector,
    scores: Thresholds,
    classifier: ImageClassifier | None,
) -> Watching:
    """Open the sources and the out folder."""
    from cityzoo.watch.camera import CameraWatch
    from cityzoo.watch.counting.calibration import read_calibration
    from cityzoo.watch.output import WatchFolder
    from cityzoo.watch.sources import open_source
    from cityzoo.watch.watching import Watching

    rates = read_of_cameras("--calibration", given.calibration, [*scenes], read_calibration)
    names, digest = detector.class_names, detector.model.digest
    watches = {}
    for camera, scene in scenes.items():
        observers = _observers(camera, scene, names, scores.high, classifier.thresholds if classifier else {})
        high, low, rated = scores.high, scores.low, rates.get(camera)
        watches[camera] = CameraWatch(camera, scene, names, None, high, low, observers, digest, rated)
    ready = threading.Event()
    sources = [
        open_source(text, camera, given.fps, given.minutes, given.start, ready)
        for camera, (_, text) in zip(scenes, named, strict=True)
    ]
    columns = dict.fromkeys(name for watch in watches.values() for name in watch.columns)
    folder = WatchFolder(_out(given, [*scenes]), [*columns], given.tracks, len(scenes) > 1)
    watching = Watching(sources, ready, detector, watches, folder, given.interval)
    watching.batch_size, watching.classifier = given.batch_size, classifier
    return watching


def _check_scores(watching: Watching) -> None:
    """Refuse a count of nothing; of a live camera it may be a quiet hour."""
    for camera, watch in watching.watches.items():
        try:
            is_counted = watch.scene.lines or watch.scene.zones or not watching.classifier
            if watching.frames[camera] and is_counted:
                watch.spread.check_scores()
        except InputError as error:
            if not watching.is_live:
                raise
            LOG.warning("WARNING: %s: %s", camera, error)


def _cameras(named: Sequence[tuple[str | None, str]]) -> list[str]:
    from cityzoo.watch.sources import camera_name

    cameras = [name or camera_name(text) for name, text in named]
    for camera in cameras:
        if cameras.count(camera) > 1:
            raise InputError(f"two sources have the name '{camera}': name them, as in north=rtsp://HOST/1")
    return cameras


def _out(given: argparse.Namespace, cameras: Sequence[str]) -> Path:
    """Return --out, or the first free name."""
    if given.out:
        return Path(given.out)
    first = Path("watched", cameras[0])
    names = (first if number == 1 else Path(f"{first}-{number}") for number in itertools.count(1))
    return next(path for path in names if not path.exists())


def _open_classifier(given: argparse.Namespace) -> ImageClassifier | None:
    from cityzoo.watch.image_classifier import ImageClassifier

    if not given.incidents:
        return None
    return ImageClassifier(Path(given.incidents), given.incidents_fps, given.threads)


def _observers(
    camera: str,
    scene: Scene,
    class_names: Sequence[str],
    high: float,
    image_classes: Mapping[str, float | None],
) -> list[Observer]:
    """Return what looks at the observations of a camera."""
    from cityzoo.watch.incidents.build import make_observers
    from cityzoo.watch.measures.build import make_meters
    from cityzoo.watch.measures.motion import Motion

    motion = Motion(scene.ground)
    rules = make_observers(camera, scene, class_names, high, motion, image_classes=image_classes)
    return [*make_meters(scene, class_names, motion), *rules]


@contextmanager
def _removed_if_unused(watching: Watching) -> Iterator[None]:
    """Remove the out folder if unusable input ends a watch before its first frame."""
    try:
        yield
    except InputError:
        if not any(watching.frames.values()):
            watching.folder.close()
            shutil.rmtree(watching.folder.path, ignore_errors=True)
        raise


@contextmanager
def end_by_signals(stop: Callable[[], None]) -> Iterator[None]:
    """Let Ctrl-C and SIGTERM end a watch after the current batch; the second one interrupts at once."""

    def end(number: int, frame: FrameType | None) -> None:
        signal.signal(number, signal.default_int_handler)
        stop()

    numbers = (signal.SIGINT, signal.SIGTERM)
    is_main = threading.current_thread() is threading.main_thread()
    before = [signal.signal(number, end) for number in numbers] if is_main else []
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=False):
            signal.signal(number, handler)
