"""Prune the model of a run: remove channels up to a measured target, fine-tune what is left, compare both."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import asdict, replace
from itertools import islice
from pathlib import Path
from shlex import quote
from typing import Any

from cityzoo.compress.pruning_request import PruningRequest
from cityzoo.compress.pruning_search import cut_to_share
from cityzoo.errors import InputError
from cityzoo.evaluation.evaluated_run import EvaluatedRun, open_evaluated
from cityzoo.fit import fine_tune
from cityzoo.fit.distillation_teacher import pin_teacher
from cityzoo.fit.run_folder import RunFolder
from cityzoo.model import save
from cityzoo.replace_file import replace_file
from cityzoo.spec import Phase, ResolvedSpec

LOG = logging.getLogger(__name__)
TAYLOR_EXAMPLES = 200
FINE_TUNING_RATE = 0.5  # of the run's learning rate
FILE = "pruning.json"


def prune(request: PruningRequest, out: Path) -> dict[str, Any]:
    """Prune a run's model into a new run folder; what was begun there with the same request is continued.

    Returns:
        The report of the new run, which compares it with the run that was pruned.

    Raises:
        InputError: no model to prune, an unreachable target, or another folder of that name.
    """
    source = _open_source(request)
    _claim(request, out)
    current = source
    for number in range(1, request.rounds + 1):
        own = RunFolder(out if number == request.rounds else out / f"round-{number}")
        LOG.info("round %d/%d: %s", number, request.rounds, own.path)
        share = request.share ** (number / request.rounds)
        report = _prune_once(request, source, current, own, share)
        current = open_evaluated(str(own.path)) if number < request.rounds else current
    return report


def _open_source(request: PruningRequest) -> EvaluatedRun:
    source = open_evaluated(request.run)
    modality = source.task.modality
    if modality.name != "image" or not source.output.trainable:
        raise InputError(
            f"'{request.run}' is a run of {source.spec.run.task}: only models of images with a trainable head can be "
            "pruned; train a smaller --backbone instead"
        )
    if request.freeze not in modality.freeze_points:
        raise InputError(f"--freeze {request.freeze}: give one of {', '.join(modality.freeze_points)}")
    return source


def _claim(request: PruningRequest, out: Path) -> None:
    path, wanted = out / FILE, asdict(request)
    if path.is_file() and json.loads(path.read_text()).get("request") == wanted:
        if not (out / "report.json").is_file():
            LOG.info("continuing what was begun in %s", out)
            return
        raise InputError(
            f"'{out}' is finished: give another --out, or evaluate it: evaluate.py {quote(str(out))}"
        )
    if out.exists():
        raise InputError(f"--out '{out}' exists: give a new name or remove it")
    try:
        out.mkdir(parents=True)
    except OSError as error:
        raise InputError(f"'{out}' cannot be created ({error.strerror}): give another --out") from error
    _write(path, {"request": wanted})


def _write(path: Path, content: dict[str, Any]) -> None:
    with replace_file(path) as part:
        part.write_text(json.dumps(content, indent=2) + "\n")


def _prune_once(
    request: PruningRequest, source: EvaluatedRun, current: EvaluatedRun, own: RunFolder, share: float
) -> dict[str, Any]:
    import keras

    from cityzoo.compress.training import fine_tune_start
    from cityzoo.evaluation.run_facts import earlier_facts

    report = earlier_facts(own.path)
    if report:
        return report
    spec = _spec_of_fine_tuning(request, source, own)
    task, data, output = fine_tune.load_task_data(spec)
    if not (own.pruned.is_file() and own.spec.is_file()):
        own.path.mkdir(exist_ok=True)
        batches = _batches(spec, task, data, output)
        loss = output.loss(task.modality.size_hw(spec))
        smaller, facts = cut_to_share(request, source.model, current.model, share, loss, batches)
        save(smaller, own.pruned)
        _write(own.path / FILE, {"request": asdict(request), **facts})
        spec.write(own.spec)
    keras.utils.clear_session()  # automatic names of layers are counted from the start, as where the run was trained
    return fine_tune_start(spec, task, data, output, own, {}, source)


def _spec_of_fine_tuning(request: PruningRequest, source: EvaluatedRun, own: RunFolder) -> ResolvedSpec[Any]:
    from cityzoo.compress.training import FINE_TUNED

    spec = source.spec
    if not isinstance(spec, ResolvedSpec):
        raise InputError(f"'{request.run}' was not trained by this version: train it again with --config")
    epochs = request.epochs or spec.plan[-1].epochs
    rate = request.learning_rate or spec.fit.learning_rate * FINE_TUNING_RATE
    spec = spec.replace(
        weights=str(own.pruned.absolute()),
        out=str(own.path),
        repeats=1,
        minutes=None,
        find_lr=False,
        teacher=pin_teacher(request.run) if request.teacher and source.output.supports_distillation else None,
        adapt=None,
        delta=None,
        unlabelled=None,
        batchnorm="learn",  # its inputs have changed
        **FINE_TUNED,
    )
    return replace(spec, plan=(Phase(request.freeze, epochs, rate),))


def _batches(spec: ResolvedSpec[Any], task: Any, data: Any, output: Any) -> Iterator[tuple[Any, Any]]:
    from keras.utils import Progbar

    views = task.modality.views(spec, output, data)[0]
    size = spec.fit.batch_size
    count = max(1, min(TAYLOR_EXAMPLES, len(views)) // size)
    epochs = -(-count // max(1, len(views) // size))
    bar = Progbar(count, unit_name="batch")
    batches = task.modality.training_batches(
        None, views, spec, 0, epochs, None, lambda rows, batch: (rows, batch)
    )
    for pair in islice(batches, count):
        yield pair
        bar.add(1)
