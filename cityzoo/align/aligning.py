"""Align images and sentences: train both projections, and report how well each finds the other."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cityzoo.align.pairs import DIRECTIONS, make_task
from cityzoo.data.image.decode import read_image
from cityzoo.data.multimodal import MultimodalSet
from cityzoo.errors import InputError
from cityzoo.fit import auto_settings, devices, distributed, fine_tune, run_data
from cityzoo.fit.run_folder import RunFolder, open_or_create
from cityzoo.metrics.retrieval import DEPTHS, evaluate_retrieval, number_contents, rank_first_relevant
from cityzoo.model import load
from cityzoo.replace_file import replace_file
from cityzoo.report.layout import Card, Columns, Layout, Section, Table
from cityzoo.report.write import write_report
from cityzoo.visualize.sheets import save_grid

LOG = logging.getLogger(__name__)
FILE = "alignment.json"  # in a run folder: the flags
PROGRAM = "python -m cityzoo align"
EXAMPLES, FOUND = 6, 3  # queries that are shown, images of each
CELL_HW = (216, 288)


def align(values: Mapping[str, Any], resumed: str | None = None) -> dict[str, Any]:
    """Train and evaluate an alignment, write its run folder, and return its report.

    Args:
        values: flags by the names of their fields; those left out have their defaults.
        resumed: the run folder to continue, whose flags count; None: a new one.

    Raises:
        InputError: unusable data or encoders, or an interruption.
    """
    started, task = time.perf_counter(), make_task()
    asked = task.make_spec({**(_read_flags(resumed) if resumed else values), "task": "alignment"})
    data = task.modality.read(asked, task)
    output = task.output_for(data.train.class_names, asked.output)
    spec = auto_settings.resolve(asked, task, data, output)
    fine_tune.seed_everything(spec.run.seed)
    with open_or_create(spec, resumed, PROGRAM) as folder:
        with replace_file(folder.path / FILE) as part:
            part.write_text(
                json.dumps(dict(values) if not resumed else _read_flags(resumed)), encoding="utf-8"
            )
        changes = run_data.check_resumed(folder, task.modality, data)
        with distributed.distribution_scope(), devices.strategy().scope():
            assembled = task.modality.build(spec, output, data)
            state = fine_tune.fine_tune(spec, task, output, data, assembled, folder, resume=bool(resumed))
        task.modality.write_manifest(folder.path, data, output)
        truth = data.test or data.val
        report = {
            "task": "Alignment of images and sentences",
            "n_train": len(data.train),
            "n_pairs": len(truth),
            "n_val": len(data.val),
            "split": truth.split,
            "encoders": {name: encoder for name, (encoder, _) in data.train.encoders.items()},
            "findings": data.findings.as_dict(),
            "warnings": changes,
            "parameters": fine_tune.parameter_counts(assembled),
            "epochs": len(state.history),
            "spec": spec.as_dict(),
        }
        model = load(folder.model)
        rows = np.stack(task.modality.predict(model, truth, output))
        report |= _evaluate(folder, truth, rows, spec.run.seed)
        report["temperature"] = 1.0 / find_scale(model)
        return _finish(folder, report, started)


def _read_flags(resumed: str) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads((Path(resumed) / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(
            f"--resume '{resumed}' is not a run of {PROGRAM}: give one of its run folders"
        ) from error
    return found


def find_scale(model: Any) -> float:
    """Return by what a model multiplies cosines: one over its temperature."""
    from heads.contrastive import LARGEST_SCALE, SCALE

    return float(min(np.exp(model.get_layer(SCALE).get_weights()[0]), LARGEST_SCALE))


def _evaluate(folder: RunFolder, truth: MultimodalSet, rows: np.ndarray, seed: int) -> dict[str, Any]:
    content = number_contents([each.cells["text"] for each in truth.examples])
    found: dict[str, Any] = {}
    for side, name in enumerate(DIRECTIONS):
        parts = evaluate_retrieval(rows[:, side], rows[:, 1 - side], content, seed)
        found |= {f"{name.replace('_', ' ')}: {part}": row for part, row in parts.items()}
    means = {
        f"recall_at_{depth}": float(
            np.mean([found[f"{n.replace('_', ' ')}: pairs"][f"recall_at_{depth}"] for n in DIRECTIONS])
        )
        for depth in DEPTHS
    }
    return {
        **means,
        "retrieval": found,
        "n_contents": len(np.unique(content)),
        "examples": _show_examples(folder.path, truth, rows, content),
    }


def _show_examples(
    folder: Path, truth: MultimodalSet, rows: np.ndarray, content: np.ndarray
) -> dict[str, dict[str, Any]]:
    """Write `examples.png`, queries from the best to the worst rank, each with what it finds; return them by number."""
    ranks = rank_first_relevant(rows[:, 1], rows[:, 0], content, content)
    chosen = np.argsort(ranks, kind="stable")[
        np.linspace(0, len(ranks) - 1, min(EXAMPLES, len(ranks))).astype(int)
    ]
    cells, captions, about = [], [], {}
    for number, row in enumerate(chosen.tolist(), 1):
        scores = rows[row, 1] @ rows[:, 0].T
        best = np.argsort(-scores, kind="stable")[:FOUND].tolist()
        for at, label in [
            (row, "own image"),
            *((k, f"found {n}: {scores[k]:.2f}") for n, k in enumerate(best, 1)),
        ]:
            cells.append(read_image(truth.examples[at].cells["image"]))
            captions.append(f"{number}, {label}")
        text = truth.examples[row].cells["text"]
        about[str(number)] = {"text": text, "rank": int(ranks[row]) + 1}
    save_grid(folder / "examples.png", cells, captions, CELL_HW, columns=FOUND + 1)
    return about


def _finish(folder: RunFolder, report: dict[str, Any], started: float) -> dict[str, Any]:
    for name, row in report["retrieval"].items():
        if name.endswith("shuffled"):
            chance = report["retrieval"][name.replace("shuffled", "chance")]["recall_at_10"]
            low, high = row["recall_at_10_interval"]
            if not low <= chance <= high:
                report["warnings"].append(
                    f"{name}: recall at 10 is {row['recall_at_10']:.3f}, not {chance:.3f} as by chance: the pairs "
                    "are not independent, so do not trust the other recalls"
                )
    report["seconds"] = {"total": round(time.perf_counter() - started, 1)}
    page = write_report(folder.path, report, layout())[1]
    for warning in report["warnings"]:
        LOG.warning("WARNING: %s", warning)
    LOG.info("%d pairs of %s: %s", report["n_pairs"], report["split"], describe_recalls(report))
    LOG.info("report: %s", page)
    LOG.info('search: python -m cityzoo find %s --frames FOLDER --out found "a bus at night"', folder.path)
    return report


def describe_recalls(report: Mapping[str, Any]) -> str:
    """Return the recalls of a report in one line."""
    return ", ".join(f"recall at {depth} {report[f'recall_at_{depth}']:.3f}" for depth in DEPTHS)


def _columns(depths: Sequence[int] = DEPTHS) -> Columns:
    pairs: list[tuple[str, tuple[str, Any]]] = [
        (f"recall_at_{depth}{end}", (title.format(depth), kind))
        for depth in depths
        for end, title, kind in (("", "recall at {}", "score"), ("_interval", "95 % interval", "interval"))
    ]
    return {**dict(pairs), "median_rank": ("median rank", "score")}


def layout() -> Layout:
    """Return the contents of the page of an alignment."""
    shown = Section(
        "Examples",
        "examples",
        "Held-out sentences from the best to the worst rank, evenly spaced: the own image, then what is found.",
        images={"examples": "Own image, then the first three that are found, with their cosines"},
        tables=(Table("Sentences", "examples", {"text": ("sentence", "text"), "rank": ("rank", "count")}),),
    )
    return Layout(
        cards=tuple(
            Card(f"recall_at_{depth}", f"recall at {depth}", "held-out pairs, mean of both directions")
            for depth in DEPTHS
        ),
        subtitle="Images and sentences of frozen encoders in one space.",
        meanings={},
        remark="{n_pairs|count} held-out pairs ({split|text}) with {n_contents|count} different sentences; equal "
        "sentences are correct for each other. {n_train|count} pairs to train on; temperature {temperature}. Image: "
        "{encoders/image|text}, text: {encoders/text|text}.",
        headline=Table(
            "Retrieval",
            "retrieval",
            _columns(),
            "Chance: a random order. Shuffled: the pairs permuted, 20 times; it has to be at chance.",
        ),
        sections=(shown,),
        curves={
            "loss": "training loss",
            **{f"val_recall_at_{depth}": f"recall at {depth}" for depth in DEPTHS},
        },
    )
