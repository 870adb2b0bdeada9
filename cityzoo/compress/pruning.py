"""Prune the model of a run: remove channels up to a measured target, fine-tune what is left, compare both."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from itertools import islice
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

from cityzoo.compress.pruning_request import PruningRequest
from cityzoo.compress.pruning_search import Search
from cityzoo.errors import InputError
from cityzoo.evaluation.evaluated_run import EvaluatedRun, open_evaluated
from cityzoo.fit import auto_settings, fine_tune
from cityzoo.fit.run_folder import RunFolder
from cityzoo.model import PRUNED, save
from cityzoo.replace_file import replace_file
from cityzoo.spec import Phase, ResolvedSpec

if TYPE_CHECKING:
    import keras

LOG = logging.getLogger(__name__)
TAYLOR_EXAMPLES = 200
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
    from cityzoo.compress.training import fine_tune_start
    from cityzoo.evaluation.run_facts import earlier_facts

    report = earlier_facts(own.path)
    if report:
        return report
    spec = _spec_of_fine_tuning(request, source, own)
    task, data, output = fine_tune.load_task_data(spec)
    if not (own.pruned.is_file() and own.spec.is_file()):
        own.path.mkdir(exist_ok=True)
        smaller, facts = _cut_to(request, source, current, share, lambda: _batches(spec, task, data, output))
        save(smaller, own.pruned)
        _write(own.path / FILE, {"request": asdict(request), **facts})
        spec.write(own.spec)
    facts = json.loads((own.path / FILE).read_text())
    facts.pop("request")
    return fine_tune_start(spec, task, data, output, own, {"pruning": facts}, source)


def _spec_of_fine_tuning(request: PruningRequest, source: EvaluatedRun, own: RunFolder) -> ResolvedSpec[Any]:
    spec = source.spec
    if not isinstance(spec, ResolvedSpec):
        raise InputError(f"'{request.run}' was not trained by this version: train it again with --config")
    epochs = request.epochs or spec.plan[-1].epochs
    rate = request.learning_rate or spec.fit.learning_rate * auto_settings.LATER_PHASES
    kept = {name: None for name in ("adapt", "delta", "unlabelled") if hasattr(spec.modality, name)}
    spec = spec.replace(
        weights=str(own.pruned.absolute()), out=str(own.path), repeats=1, minutes=None, **kept
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


def _cut_to(
    request: PruningRequest,
    source: EvaluatedRun,
    current: EvaluatedRun,
    share: float,
    batches: Callable[[], Iterator[tuple[Any, Any]]],
) -> tuple[keras.Model, dict[str, Any]]:
    from zoo.pruning import channels as tracing
    from zoo.pruning import cut, importance

    model, started = current.model, time.perf_counter()
    channels = tracing.trace_channels(model)
    groups = tracing.group_channels(model, channels)
    LOG.info(
        "importance of %d channels in %d groups: %s",
        sum(len(g.channels) for g in groups),
        len(groups),
        request.importance,
    )
    if request.importance == "taylor":
        loss = current.output.loss(current.task.modality.size_hw(current.spec))
        scores = importance.taylor(model, channels, loss, batches())
    else:
        functions = {"l1": importance.kernel_norms, "batchnorm": importance.batchnorm_scales}
        scores = functions[request.importance](model, channels)
    steps = importance.removal_steps(
        groups, scores, "operations" if request.by == "latency" else "parameters"
    )
    if not steps:
        raise InputError(
            f"'{current.folder.path}' has no group of 16 or more channels that can be cut "
            f"({'; '.join(channels.reasons[-3:])}): train a smaller --backbone instead"
        )
    search = Search(source.model, model, channels, steps, request.by)
    smaller, keep = search.find(share)
    difference = cut.largest_difference(model, smaller, channels, keep)
    if not difference <= cut.TOLERANCE:
        raise InputError(
            f"'{current.folder.path}': the smaller model differs by {difference:.1e} from the model with the same "
            "channels masked, so it was not saved: please report this"
        )
    smaller.name = model.name.removesuffix(PRUNED) + PRUNED
    facts = search.measure(smaller, keep) | {"masked_difference": difference}
    facts["seconds"] = round(time.perf_counter() - started, 1)
    return smaller, facts
