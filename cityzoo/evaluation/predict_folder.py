"""Predict examples without labels: annotated copies, and the predictions as JSON."""

from __future__ import annotations

import csv
import json
import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

from cityzoo.errors import InputError
from cityzoo.fit.run_folder import next_free_folder
from cityzoo.replace_file import replace_file

if TYPE_CHECKING:
    from cityzoo.commands.evaluate_flags import EvaluateCommand
    from cityzoo.evaluation.evaluated_run import EvaluatedRun
    from cityzoo.tasks import Task

LOG = logging.getLogger(__name__)


def find_unlabelled(command: EvaluateCommand, task: Task) -> str | None:
    """Return the source of --predict, or of --data if it has no labels; None if there are labels to compare with.

    Raises:
        InputError: metrics are required or runs compared, and there are no labels.
    """
    if command.flags.get("predict"):
        return command.flags["predict"]
    if command.data is None or not task.modality.is_unlabelled(command.data):
        return None
    if command.require or command.others:
        raise InputError(
            f"'{command.data}' has no labels: nothing can be required or compared; give labeled {task.modality.unit}"
        )
    LOG.info("'%s' has no labels: predictions are written, nothing is evaluated", command.data)
    return command.data


def write(subject: EvaluatedRun, source: str, command: EvaluateCommand) -> None:
    """Write predictions for examples without labels into a new folder: annotated copies and a JSON file.

    Args:
        subject: the run.
        source: file or folder with the examples; its sub-folders are kept.
        command: of evaluate.py.
    """
    import keras

    modality, output = subject.task.modality, subject.output
    found = modality.read_to_predict(subject.folder.path, subject.spec, source, command.flags)
    folder = next_free_folder(command.out, subject.folder.path, "predictions")
    examples = replace(found, class_names=output.class_names)
    results = modality.predict(subject.model, examples, output)
    if command.flags.get("rules"):
        results = _filter(subject, examples, results, command, folder)
    summary = output.summarize_predictions(examples, results, subject.facts, command.flags.get("score"))
    target, origin = folder / modality.unit, Path(source)
    bar = keras.utils.Progbar(len(examples), unit_name=modality.unit.removesuffix("s"))
    for example, result in zip(examples.examples, summary.results, strict=True):
        drawn = modality.render(output, example, result, labeled=False)
        if drawn is not None:
            path = Path(example.path)
            place = target / (path.relative_to(origin) if origin.is_dir() else path.name)
            place.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(drawn).save(place.with_name(place.name + ".jpg"), quality=92)
        bar.add(1)
    (folder / summary.file).write_text(json.dumps(summary.document))
    _write_review(subject, examples, results, command.flags.get("review_below"), folder / "review.csv")
    LOG.info("%s in %d %s: %s", summary.line, len(examples), modality.unit, folder)


def _filter(
    subject: EvaluatedRun, examples: Any, results: list[Any], command: EvaluateCommand, folder: Path
) -> list[Any]:
    """Return the detections that break no rule of --rules."""
    from cityzoo.evaluation.rules.violations import filter_detections, load_rules

    rules = load_rules(subject, command.flags, folder)
    kept = filter_detections(rules, examples, results, subject.task.modality.groups(examples))
    LOG.info(
        "%d of %d detections break a rule",
        sum(map(len, results)) - sum(map(len, kept)),
        sum(map(len, results)),
    )
    return kept


def _write_review(
    subject: EvaluatedRun, examples: Any, results: Sequence[Any], least: float | None, path: Path
) -> None:
    """Write the examples whose answers are below a score, the least sure first, and log their number."""
    if least is None:
        return
    output, unit = subject.output, subject.task.modality.unit
    scores = output.confidence(results)
    if scores is None:
        raise InputError(
            "--review-below: results of this task have no single score; it works for classifiers"
        )
    labels = output.prelabel(results, subject.facts, None)
    rows = sorted((float(score), number) for number, score in enumerate(scores) if score < least)
    with replace_file(path) as part, part.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["file", "answer", "score"])
        for score, number in rows:
            writer.writerow([examples.examples[number].path, "+".join(labels[number]), f"{score:.4f}"])
    LOG.info(
        "%d of %d %s are below %g, for a person to look at: %s", len(rows), len(scores), unit, least, path
    )
