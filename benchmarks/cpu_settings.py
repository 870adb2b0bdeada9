#!/usr/bin/env python3
"""Measure training steps with the settings of TensorFlow and of cityzoo, also as a CPU with AVX2 alone runs them."""

from __future__ import annotations

import argparse
import json
import logging
import os
import resource
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[1]
LOG = logging.getLogger("benchmarks")
OLD, NEW, AVX2 = (
    {"TF_ENABLE_ONEDNN_OPTS": "0"},
    {"TF_ENABLE_ONEDNN_OPTS": "1"},
    {"ONEDNN_MAX_CPU_ISA": "AVX2"},
)
# Name -> environment, and whether glibc keeps freed memory. Without oneDNN, TensorFlow's kernels are the same on both.
CONTENDERS: dict[str, tuple[Mapping[str, str], bool]] = {
    "AVX2 before": (OLD | AVX2, False),
    "AVX2 now": (NEW | AVX2, False),
    "AVX2 now, memory kept": (NEW | AVX2, True),
    "this CPU, now": (NEW, False),
    "this CPU, now, memory kept": (NEW, True),
}
RATIOS = {  # name -> slower, faster, wanted at least
    "AVX2: before / now": ("AVX2 before", "AVX2 now", 1.4),
    "AVX2: memory kept": ("AVX2 now", "AVX2 now, memory kept", None),
    "this CPU: memory kept": ("this CPU, now", "this CPU, now, memory kept", None),
}
M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD = -1, -2, -3
KEPT_BYTES = 2**28


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    made = argparse.ArgumentParser(prog="python benchmarks/cpu_settings.py", description=__doc__)
    add = made.add_argument
    add("--backbone", default="mobilenet_075", help="random weights (default %(default)s)")
    add("--freeze", default="backbone", help="steps behind this stage, on features (default %(default)s)")
    add("--image-size", type=int, default=320, metavar="SIDE", help="pixels (default %(default)s)")
    add("--batch-size", type=int, default=16, metavar="N", help="(default %(default)s)")
    add("--steps", type=int, default=12, metavar="N", help="of a round (default %(default)s)")
    add("--rounds", type=int, default=3, metavar="N", help="contenders take turns (default %(default)s)")
    add("--only", nargs="*", default=list(CONTENDERS), metavar="NAME", help="contenders to measure")
    add("--json", action="store_true", help="print JSON")
    add("--step", metavar="KEEP", help=argparse.SUPPRESS)  # in a process of its own
    return made


def measure_steps(args: argparse.Namespace) -> dict[str, float]:
    """Return milliseconds of a training step (median), CPU seconds in the kernel, and peak memory of this process."""
    if args.step == "keep":
        _keep_freed_memory()
    sys.path.insert(0, str(ROOT))
    import keras
    import numpy as np

    import zoo
    from cityzoo.fit.optimizers import optimizer
    from cityzoo.model import assemble
    from cityzoo.outputs.detection import Detection

    keras.utils.set_random_seed(0)
    output, size_hw = Detection(("car", "bus")), (args.image_size, args.image_size)
    assembled = assemble(args.backbone, output, size_hw, "random")
    stage = list(zoo.stages(assembled.backbone))[-1] if args.freeze == "backbone" else args.freeze
    zoo.freeze(assembled.backbone, args.freeze)
    suffix = zoo.suffix(zoo.prefix(assembled.backbone, stage), assembled.model)
    rng, rows = np.random.default_rng(0), args.batch_size
    features = keras.tree.map_structure(
        lambda tensor: rng.normal(size=(rows, *tensor.shape[1:])).astype("float32"), suffix.input
    )
    targets = np.full((rows, 12, 5), -1, "float32")
    targets[:, :6] = [20, 30, 80, 90, 0]
    suffix.compile(optimizer("adamw", 1e-3), output.loss(size_hw), jit_compile=False)
    for _ in range(3):
        suffix.train_on_batch(features, targets)
    before, seconds = resource.getrusage(resource.RUSAGE_SELF), []
    for _ in range(args.steps):
        start = time.perf_counter()
        suffix.train_on_batch(features, targets)
        seconds.append(time.perf_counter() - start)
    after = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "ms": 1000 * median(seconds),
        "cpu_ms": 1000 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / args.steps,
        "kernel_share": (after.ru_stime - before.ru_stime)
        / (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime),
        "peak_mb": after.ru_maxrss / 1024,
    }


def _keep_freed_memory() -> None:
    import ctypes

    libc = ctypes.CDLL(None)
    for name, value in (
        (M_MMAP_THRESHOLD, 2 * KEPT_BYTES),
        (M_TRIM_THRESHOLD, 4 * KEPT_BYTES),
        (M_TOP_PAD, KEPT_BYTES),
    ):
        libc.mallopt(name, value)


def run_rounds(args: argparse.Namespace) -> dict[str, list[dict[str, float]]]:
    """Return what each contender measured in each round, in a process of its own."""
    found: dict[str, list[dict[str, float]]] = {name: [] for name in args.only}
    settings = [
        f"--{n}={vars(args)[n.replace('-', '_')]}"
        for n in ("backbone", "freeze", "image-size", "batch-size", "steps")
    ]
    for number in range(args.rounds):
        for name in args.only:
            variables, keep = CONTENDERS[name]
            environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", **variables}
            words = [sys.executable, __file__, *settings, "--step", "keep" if keep else "plain"]
            ran = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
            if ran.returncode:
                raise RuntimeError(f"{name}: {ran.stderr[-2000:]}")
            found[name].append(json.loads(ran.stdout.splitlines()[-1]))
            LOG.info(
                "round %d, %s: %s", number + 1, name, {k: round(v, 2) for k, v in found[name][-1].items()}
            )
    return found


def summarize(found: Mapping[str, Sequence[Mapping[str, float]]]) -> dict[str, float]:
    """Return each ratio of step times: the median over the rounds, whose pairs ran one after the other.

    Example:
        >>> summarize({"AVX2 before": [{"ms": 90.0}], "AVX2 now": [{"ms": 60.0}]})
        {'AVX2: before / now': 1.5}
    """
    return {
        name: round(median(a["ms"] / b["ms"] for a, b in zip(found[slow], found[fast], strict=True)), 2)
        for name, (slow, fast, _) in RATIOS.items()
        if slow in found and fast in found
    }


def main(arguments: Sequence[str]) -> int:
    """Measure and print."""
    args = parser().parse_args(arguments)
    if args.step:
        sys.stdout.write(json.dumps(measure_steps(args)) + "\n")
        return 0
    logging.basicConfig(format="%(message)s", level=logging.INFO, stream=sys.stderr)
    found = run_rounds(args)
    medians = {n: {k: round(median(r[k] for r in rows), 2) for k in rows[0]} for n, rows in found.items()}
    report = {"settings": vars(args), "medians": medians, "ratios": summarize(found)}
    sys.stdout.write(json.dumps(report, indent=None if args.json else 2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
