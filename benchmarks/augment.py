#!/usr/bin/env python3
"""Measure augmentation against decoding alone, Keras' layers, albumentations and torchvision, in one run."""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
if Path(sys.path[0]).resolve() == ROOT / "benchmarks":  # where `augment` would be this file, not the package
    sys.path[0] = str(ROOT)

from benchmarks import command, jpeg_files, peers, results, timing  # noqa: E402

LOG = logging.getLogger("benchmarks")
SETTINGS = ("1280x720:256x256", "640x480:512x512")
PEERS = {
    f"{library}_{policy}": (library, policy)
    for library in peers.LIBRARIES
    for policy in ("geometry", "standard")
}


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    made = argparse.ArgumentParser(
        prog="python benchmarks/augment.py",
        description="Images a second from the same JPEG files to batches for a network, by this project's "
        "augment package, by TensorFlow and Keras, and by other libraries where they are installed.",
        epilog="How it is measured: all contenders get the same files, the same number of cores (threads or "
        "worker processes; on Linux the process is bound to them) and batches of one size. Each is warmed up, "
        "then they take turns, a few seconds each, for some rounds (A B C, A B C, ...), so that noise hits all "
        "alike. The speed of a turn is the slope of images over time. Tables show the medians of the rounds; "
        "a ratio is the median of the rounds' ratios. Keras and TensorFlow run as users write them: decode, "
        "resize, layers inside tf.data; Keras by batch and by image, and the faster one counts. "
        f"Other libraries: {'; '.join(peers.INSTALL.values())}. "
        "The whole takes about ten minutes. Examples: python benchmarks/augment.py --json; "
        "python benchmarks/augment.py --images my/camera --rounds 5; "
        "python benchmarks/augment.py --only decode_resize geometry --settings 1920x1080:640x640",
    )
    add = made.add_argument
    add(
        "--images",
        type=Path,
        metavar="FOLDER",
        help="real images, resized; default: scenes that cityzoo draws",
    )
    add(
        "--files",
        type=_positive,
        default=64,
        metavar="N",
        help="JPEG files of each setting (default %(default)s)",
    )
    add(
        "--settings",
        nargs="+",
        type=_setting,
        default=[_setting(text) for text in SETTINGS],
        metavar="WxH:WxH",
        help=f"width and height of files : of the network's input (default {' '.join(SETTINGS)})",
    )
    add(
        "--rounds",
        type=_positive,
        default=3,
        metavar="N",
        help="turns of each contender (default %(default)s)",
    )
    add("--seconds", type=_seconds, default=4.0, metavar="S", help="length of a turn (default %(default)s)")
    add(
        "--batch-size",
        type=_positive,
        default=32,
        metavar="N",
        help="images in a batch (default %(default)s)",
    )
    add(
        "--cores",
        type=_cores,
        default=min(2, _available()),
        metavar="N",
        help="cores for all (default %(default)s)",
    )
    add("--only", nargs="+", choices=results.WHAT, metavar="NAME", help=f"some of: {', '.join(results.WHAT)}")
    add(
        "--out",
        type=Path,
        default=ROOT / "benchmarks" / "results",
        metavar="FOLDER",
        help="where augment.md and augment.json go (default benchmarks/results)",
    )
    add("--json", action="store_true", help="let the last line be the ratios as one JSON object")
    return made


def _positive(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text}: expected a whole number from 1 on")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < 3600:
        raise argparse.ArgumentTypeError(f"{text}: expected seconds above 0, below 3600")
    return seconds


def _setting(text: str) -> jpeg_files.Setting:
    try:
        return jpeg_files.Setting.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _available() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _cores(text: str) -> int:
    if _positive(text) > _available():
        raise argparse.ArgumentTypeError(
            f"{text}: this machine has {_available()} to lend, give 1 to {_available()}"
        )
    return int(text)


def bind(cores: int) -> None:
    """Keep this process, and all that it starts, on the first few of its cores, where the system can."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])


def start_peers(names: Sequence[str], stack: ExitStack) -> tuple[dict[str, peers.Peer], list[str]]:
    """Return the other libraries that load, by name, and a line for each that does not."""
    started, left_out = {}, []
    for library in sorted({PEERS[name][0] for name in names if name in PEERS}):
        try:
            started[library] = peers.Peer(library)
            stack.callback(started[library].close)
        except peers.Unavailable as error:
            left_out.append(str(error))
    return started, left_out


def streams(
    job: jpeg_files.Job, names: Sequence[str], started: Mapping[str, peers.Peer]
) -> dict[str, timing.Stream]:
    """Return the contenders by name; graphs are built here, once."""
    from benchmarks import in_tensorflow

    found: dict[str, timing.Stream] = {}
    for name in names:
        if name in in_tensorflow.CONTENDERS:
            dataset = in_tensorflow.CONTENDERS[name](job)
            found[name] = lambda dataset=dataset: in_tensorflow.stream(dataset, job.cores)
        elif (peer := started.get(PEERS[name][0])) is not None:
            standard = PEERS[name][1] == "standard"
            found[name] = lambda peer=peer, standard=standard: peer.stream(job, standard)
    return found


def run(given: argparse.Namespace) -> None:
    """Measure, print the page, write it with the JSON."""
    bind(given.cores)
    names = [name for name in results.WHAT if given.only is None or name in given.only]
    by_setting = {}
    with ExitStack() as stack:
        jobs = {setting.name: _job(setting, given, stack) for setting in given.settings}
        notes = [_about(name, job, given) for name, job in jobs.items()]
        started, left_out = start_peers(names, stack)
        facts = results.machine(given.cores, [peer.versions for peer in started.values()])
        from benchmarks import in_tensorflow

        in_tensorflow.limit_threads(given.cores)
        for name, job in jobs.items():
            LOG.info("%s", name)
            by_setting[name] = timing.measure(streams(job, names, started), given.rounds, given.seconds)
    notes += left_out
    page, ratios = results.page(facts, by_setting, notes), results.headline(by_setting)
    given.out.mkdir(parents=True, exist_ok=True)
    (given.out / "augment.md").write_text(page, encoding="utf-8")
    whole = {"ratios": ratios, "machine": facts, "notes": notes, "images_per_second": by_setting}
    (given.out / "augment.json").write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")
    print(page)
    if given.json:
        print(json.dumps(ratios))


def _job(setting: jpeg_files.Setting, given: argparse.Namespace, stack: ExitStack) -> jpeg_files.Job:
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    LOG.info("%s: writing %d JPEG files", setting.name, given.files)
    return jpeg_files.write(folder, setting, given.files, given.images, given.batch_size, given.cores)


def _about(name: str, job: jpeg_files.Job, given: argparse.Namespace) -> str:
    kilobytes = sum(os.path.getsize(path) for path in job.paths) / len(job.paths) / 1000
    boxes = sum(map(len, job.boxes)) / len(job.boxes)
    return (
        f"{name}: {given.files} {'drawn' if given.images is None else 'real'} images, JPEG quality "
        f"{jpeg_files.QUALITY}, {kilobytes:.0f} kB and {boxes:.1f} boxes each; batches of {given.batch_size}; "
        f"rounds: {given.rounds}, turns of {given.seconds:g} s."
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    made = parser()
    return command.answer(made, run, made.parse_args(arguments))


if __name__ == "__main__":
    sys.exit(main())
