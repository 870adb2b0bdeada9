"""Compress a run: plan, make and measure candidates, choose one, and write down what each step cost."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cityzoo.compress import measure, pareto, planner
from cityzoo.compress.candidates import plan_candidates
from cityzoo.compress.networks import Networks
from cityzoo.compress.planner import FLOAT, Promise, Trial
from cityzoo.errors import InputError
from cityzoo.evaluation.evaluated_run import EvaluatedRun, open_evaluated
from cityzoo.export import folder as export_folder
from cityzoo.export.parity import held_out
from cityzoo.fit.run_lock import lock_run
from cityzoo.replace_file import replace_file

LOG = logging.getLogger(__name__)
FILE, IMAGE, FORMAT = "compress.json", "pareto.png", "onnx"
PRECISIONS = {FLOAT: "float32", planner.INT8: "int8"}


@dataclass(frozen=True)
class Settings:
    """What is asked for.

    Attributes:
        run: folder of the run.
        out: where everything goes.
        target: of `Promise`: milliseconds, speed_share, megabytes.
        may_lose: most of the monitored metric that may be lost.
        tries: see `cityzoo.compress.candidates.TRIES`.
        student: its backbone; None: chosen.
        student_weights: its starting weights.
        epochs: of each training; 0: as the run's own.
        limit: held-out examples that files are evaluated on; None: all.
    """

    run: str
    out: Path
    target: dict[str, float | None]
    may_lose: float = 0.01
    tries: tuple[str, ...] = ()
    student: str | None = None
    student_weights: str = "imagenet"
    epochs: int = 0
    limit: int | None = None


def compress(settings: Settings) -> Trial | None:
    """Try all candidates and return the best one that keeps the promise; None where none does.

    Raises:
        InputError: no such run, the folder belongs to another model, or the work was interrupted.
    """
    source = open_evaluated(settings.run)
    output, monitor = source.output, source.task.monitor
    promise = Promise(
        may_lose=settings.may_lose, lower_is_better=monitor in output.lower_is_better, **settings.target
    )
    candidates = plan_candidates(
        source.spec,
        source.task.modality.name == "image" and output.trainable,
        settings.tries,
        promise.speed_share,
        settings.student,
    )
    networks = Networks(source, settings.epochs, settings.student_weights)
    settings.out.mkdir(parents=True, exist_ok=True)
    with lock_run(settings.out):
        trials = planner.try_all(
            candidates,
            settings.out,
            _identity(settings, source),
            networks.make,
            lambda run, precision, own: _export(source, run, precision, own, settings.limit),
        )
        if not trials[0].file:
            raise InputError(
                f"'{settings.run}' cannot be exported ({trials[0].error}), so nothing can be compared"
            )
        trials = _timed(trials, settings.out)
        chosen = planner.choose(trials, promise)
        _write(settings.out, trials, promise, chosen, monitor)
    return chosen


def _identity(settings: Settings, source: EvaluatedRun) -> dict[str, Any]:
    from zoo.pretrained import sha256

    return {
        "model (sha256)": sha256(source.folder.model),
        "--epochs": settings.epochs,
        "--limit": settings.limit,
        "--student-weights": settings.student_weights,
    }


def _export(source: EvaluatedRun, run: Path, precision: str, own: Path, limit: int | None) -> dict[str, Any]:
    subject = source if run == source.folder.path else open_evaluated(str(run))
    truth = held_out(subject, _held_out_examples(subject), limit)
    passed, refused = own / FORMAT, own / (FORMAT + export_folder.REFUSED)
    shutil.rmtree(passed, ignore_errors=True)  # a finished one would have a trial.json
    proof = export_folder.export_run(
        subject, truth, passed, export_folder.Options(FORMAT, PRECISIONS[precision])
    )
    target = passed if proof["passed"] else refused  # the promise decides, not the gate of an export
    return {"file": target / "model.onnx", "metric": proof["figures"][subject.task.monitor]["this"]}


def _held_out_examples(subject: EvaluatedRun) -> Any:
    from cityzoo.fit.fine_tune import load_task_data

    return load_task_data(subject.spec)[1].held_out


def _timed(trials: Sequence[Trial], folder: Path) -> list[Trial]:
    files = [trial.file for trial in trials if trial.file]
    LOG.info("measuring %d files next to each other", len(files))
    times = measure.median_milliseconds([folder / file for file in files])
    return planner.with_times(trials, dict(zip(files, times, strict=True)))


def _write(
    folder: Path, trials: Sequence[Trial], promise: Promise, chosen: Trial | None, monitor: str
) -> None:
    pareto.draw_pareto(trials, promise, chosen, monitor, folder / IMAGE)
    content = {
        "metric": monitor,
        "promise": asdict(promise),
        "chosen": chosen and chosen.file,
        "trials": [{**asdict(each), "misses": promise.misses(each, trials[0])} for each in trials],
    }
    with replace_file(folder / FILE) as part:
        part.write_text(json.dumps(content, indent=2) + "\n")
    LOG.info("%s", pareto.cost_table(trials, promise, chosen, monitor))
    LOG.info("Pareto plot: %s", folder / IMAGE)
    if chosen:
        LOG.info("chosen: %s, %s", chosen.candidate.name, folder / chosen.file)
    else:
        LOG.warning(
            "WARNING: nothing keeps the promise: allow more by --may-lose, give more --epochs, or another target"
        )
