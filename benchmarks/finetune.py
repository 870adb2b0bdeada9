#!/usr/bin/env python3
"""Measure fine-tuning with cached features against plain Keras `fit` of the same model on the same batches."""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
ROOT = Path(__file__).resolve().parents[1]
if Path(sys.path[0]).resolve() == ROOT / "benchmarks":
    sys.path[0] = str(ROOT)

from benchmarks import command, results  # noqa: E402

LOG = logging.getLogger("benchmarks")
CASES = {
    "frozen": "the backbone frozen: ours runs it once and keeps its answers",
    "c4": "frozen up to C4, C5 and the head learn",
    "loop": "nothing frozen, a light backbone: what our callbacks (judging, keeping, TensorBoard) cost an epoch",
    "precision": "nothing frozen: bfloat16, where it is fast, against float32",
}
FEW = 64  # images, enough for 'precision'
RATIOS = {
    "frozen": "frozen_cache_speedup",
    "c4": "c4_cache_speedup",
    "loop": "bare_fit_over_train_loop",
    "precision": "mixed_precision_speedup",
}
WANTED = {"frozen_cache_speedup": 6.0, "c4_cache_speedup": 2.0, "bare_fit_over_train_loop": 0.95}


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    made = argparse.ArgumentParser(
        prog="python benchmarks/finetune.py",
        description="Seconds of fine-tuning by train.py's own code against plain Keras `fit`: the same model with "
        "the same first weights, the same batches in the same order, the same optimizer and loss.",
        epilog="How it is measured: 'frozen' and 'c4' take the time of the whole phase, from the compiled model to "
        "the last epoch, features included; 'loop' and 'precision' the time from the end of the first epoch to the "
        "end of the last, so that tracing does not count. After each epoch ours judges the val images by AP and "
        "saves all that is needed to go on; plain Keras computes the loss of the same images as `validation_data`, "
        "and saves nothing. Plain Keras trains in float32, as it does by default, and ours in what train.py chooses "
        "(in 'loop': both alike). Figures are those of the last epoch. The whole takes about twenty minutes. "
        "Example: python benchmarks/finetune.py --data my_camera/ --json",
    )
    add = made.add_argument
    add("--data", metavar="PATH", help="labelled images as train.py reads them (default: demo images)")
    add("--weights", default="auto", help="of the backbone, as train.py takes them (default %(default)s)")
    add("--backbone", default="vgg16", help="(default %(default)s)")
    add("--image-size", type=int, default=224, metavar="SIDE", help="pixels (default %(default)s)")
    add("--images", type=int, default=384, metavar="N", help="to train on (default %(default)s)")
    add("--loop-backbone", default="mobilenet_075", help="of 'loop', random weights (default %(default)s)")
    add("--loop-images", type=int, default=512, metavar="N", help="of 'loop' (default %(default)s)")
    add("--epochs", type=int, default=10, metavar="N", help="of 'frozen' and 'c4' (default %(default)s)")
    add("--only", nargs="+", choices=CASES, default=list(CASES), metavar="CASE", help=", ".join(CASES))
    add("--out", type=Path, default=ROOT / "benchmarks" / "results", metavar="FOLDER", help="of the tables")
    add("--json", action="store_true", help="let the last line be the ratios as one JSON object")
    return made


def run(given: argparse.Namespace) -> None:
    """Measure, print the page, write it with the JSON; cases that are not measured keep what they had."""
    from benchmarks import fits

    facts = results.machine(os.cpu_count() or 1, ())
    cases = _earlier(given.out / "finetune.json", facts)
    bench = fits.Bench(given.backbone, given.weights, given.data, given.image_size, given.images)
    few = fits.Bench(given.backbone, given.weights, given.data, given.image_size, min(given.images, FEW))
    light = fits.Bench(given.loop_backbone, "random", given.data, given.image_size, given.loop_images)
    with tempfile.TemporaryDirectory() as folder:
        measure = {
            "frozen": lambda: fits.cached_and_plain(bench, Path(folder), "backbone", given.epochs),
            "c4": lambda: fits.cached_and_plain(bench, Path(folder), "C4", given.epochs),
            "loop": lambda: fits.loop_and_plain(light, Path(folder)),
            "precision": lambda: fits.precisions(few, Path(folder)),
        }
        for case in given.only:
            LOG.info("%s: %s", case, CASES[case])
            about = {"loop": light, "precision": few}.get(case, bench).about
            cases[case] = {"about": about, "rows": [vars(row) for row in measure[case]()]}
    cases = {name: cases[name] for name in CASES if name in cases}
    ratios, text = headline(cases), page(facts, cases)
    given.out.mkdir(parents=True, exist_ok=True)
    (given.out / "finetune.md").write_text(text, encoding="utf-8")
    whole = {"ratios": ratios, "machine": facts, "cases": cases}
    (given.out / "finetune.json").write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")
    print(text)
    if given.json:
        print(json.dumps(ratios))


def _earlier(path: Path, facts: dict) -> dict[str, dict]:
    # Cases of an earlier call on the same machine.
    whole = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    same = all(
        whole.get("machine", {}).get(name) == facts[name] for name in ("processor", "cores", "versions")
    )
    return whole["cases"] if same else {}


def headline(cases: dict[str, dict]) -> dict[str, float]:
    """Return the ratio of each case: seconds of plain Keras over ours.

    Example:
        >>> headline({"frozen": {"rows": [{"seconds": 5.0}, {"seconds": 40.0}]}})
        {'frozen_cache_speedup': 8.0}
    """
    seconds = {case: [row["seconds"] for row in each["rows"]] for case, each in cases.items()}
    return {RATIOS[case]: round(plain / ours, 3) for case, (ours, plain) in seconds.items()}


def page(facts: dict, cases: dict[str, dict]) -> str:
    """Return the Markdown page."""
    lines = [
        "# Seconds of fine-tuning: cached features against plain Keras fit",
        "",
        f"{facts['processor']}, {facts['cores']} cores, {facts['system']}, {facts['date']}; load before the start "
        f"{facts['load_average_at_start']}. {', '.join(facts['versions'])}.",
        "",
        "Made by `python benchmarks/finetune.py`; its `--help` says how it is measured.",
        "",
        "| ratio (plain Keras / ours) | wanted | measured |",
        "|---|--:|--:|",
        *(f"| {name} | {WANTED.get(name, '')} | {value:.2f} |" for name, value in headline(cases).items()),
    ]
    for case, each in cases.items():
        lines += ["", f"## {case}: {CASES[case]}", "", each["about"], ""]
        lines += ["| what | seconds | images/s of training | AP50 | loss on val |", "|---|--:|--:|--:|--:|"]
        for row in each["rows"]:
            figures = f"{row['images_per_second']:.1f} | {row['ap50']:.3f} | {row['val_loss']:.3f}"
            lines.append(f"| {row['what']} | {row['seconds']:.1f} | {figures} |")
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    made = parser()
    return command.answer(made, run, made.parse_args(arguments))


if __name__ == "__main__":
    sys.exit(main())
