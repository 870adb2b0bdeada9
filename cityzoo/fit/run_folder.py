"""The folder that a run leaves behind, and from which it is resumed."""

from __future__ import annotations

import csv
import logging
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from shlex import quote
from typing import Any

from cityzoo.errors import InputError
from cityzoo.fit import distributed
from cityzoo.spec import CLOSED_FORM, Phase, TrainSpec
from cityzoo.spec_file import read_spec

LOG = logging.getLogger(__name__)
RUNS = Path("runs")


@dataclass(frozen=True)
class RunFolder:
    """The files of a run.

    `spec.json` what was asked for, resolved; `before.keras` the model before its first step; `model.keras` the
    best epoch; `last.keras` the last one;
    `history.csv` one row per epoch; `logs/` for TensorBoard; `checkpoint.npz` to resume from; `report.json` and
    `report.html`.
    """

    path: Path

    @property
    def spec(self) -> Path:
        """Return the path of the resolved spec."""
        return self.path / "spec.json"

    @property
    def model(self) -> Path:
        """Return the path of the best epoch's model."""
        return self.path / "model.keras"

    @property
    def before(self) -> Path:
        """Return the path of the model before its first step."""
        return self.path / "before.keras"

    @property
    def last(self) -> Path:
        """Return the path of the last epoch's model."""
        return self.path / "last.keras"

    @property
    def delta(self) -> Path:
        """Return the path of an adapted run's delta file."""
        return self.path / "delta.npz"

    @property
    def bad_batch(self) -> Path:
        """Return the path of a batch whose loss was not finite."""
        return self.path / "bad_batch.npz"

    @property
    def history(self) -> Path:
        """Return the path of the metrics of each epoch."""
        return self.path / "history.csv"

    @property
    def logs(self) -> Path:
        """Return the folder of TensorBoard's files."""
        return self.path / "logs"

    @property
    def checkpoint(self) -> Path:
        """Return the path of the state to resume from."""
        return self.path / "checkpoint.npz"


def free_name(spec: TrainSpec) -> Path:
    """Return the folder of a new run: --out, or the next free number.

    Raises:
        InputError: `--out` exists.
    """
    if spec.run.out:
        if Path(spec.run.out).exists():
            raise InputError(
                f"--out '{spec.run.out}' exists: give a new name, remove it, or resume it with --resume {spec.run.out}"
            )
        return Path(spec.run.out)
    stem, number = f"{spec.run.task_name}-{spec.run.backbone}", 1
    while (RUNS / f"{stem}-{number}").exists():
        number += 1
    return RUNS / f"{stem}-{number}"


@contextmanager
def open_or_create(spec: TrainSpec, resumed: str | None) -> Iterator[RunFolder]:
    """Create a run's folder, or open the one to resume; say how to resume when training is interrupted.

    With several processes, only the chief's folder is kept.

    A new folder in which no epoch was finished is removed again, so that nothing half-written is left behind.

    Raises:
        InputError: the folder cannot be written.
    """
    if not distributed.is_chief():
        with tempfile.TemporaryDirectory(prefix="cityzoo-") as folder:
            yield _copied(resumed, Path(folder))
        return
    run = RunFolder(Path(resumed)) if resumed else create(spec)
    if resumed:
        spec.write(run.spec)  # the plan may be a longer one
    LOG.info("run folder: %s", run.path)
    try:
        yield run
    except KeyboardInterrupt:
        if not run.checkpoint.exists():
            raise InputError("interrupted before the first epoch was finished: nothing is kept") from None
        raise InputError(
            f"interrupted. Finished epochs are saved; resume with: python train.py --resume {quote(str(run.path))}"
        ) from None
    finally:
        kept = (run.checkpoint, run.bad_batch, run.model)
        if not resumed and not any(path.exists() for path in kept):
            shutil.rmtree(run.path, ignore_errors=True)


def create(spec: TrainSpec) -> RunFolder:
    """Make a run's folder, with its spec.

    Raises:
        InputError: the folder exists or cannot be written.
    """
    run = RunFolder(free_name(spec))
    try:
        run.path.mkdir(parents=True)
        spec.write(run.spec)
    except OSError as error:
        raise InputError(
            f"run folder '{run.path}' cannot be created ({error.strerror}): give another --out"
        ) from error
    return run


def _copied(resumed: str | None, folder: Path) -> RunFolder:
    run = RunFolder(folder)
    if resumed and RunFolder(Path(resumed)).checkpoint.is_file():
        shutil.copy(RunFolder(Path(resumed)).checkpoint, run.checkpoint)
    return run


def open_run(path: str) -> tuple[RunFolder, TrainSpec]:
    """Open a run's folder.

    Raises:
        InputError: it is none.
    """
    if not Path(path).is_dir():
        raise InputError(
            f"run folder '{path}' does not exist: give a folder that train.py named, e.g. under runs/"
        )
    run = RunFolder(Path(path))
    return run, read_spec(run.spec)


def finished_epochs(run: RunFolder) -> int:
    """Return the number of epochs in a run's history."""
    if not run.history.is_file():
        return 0
    with run.history.open(newline="") as file:
        return max((int(row["epoch"]) for row in csv.DictReader(file)), default=0)


def extend_epochs(phases: tuple[Phase, ...], epochs: int, finished: int) -> tuple[Phase, ...]:
    """Return a plan in which every unfinished phase has that many epochs.

    Args:
        phases: the plan so far.
        epochs: of a phase.
        finished: epochs so far, over all phases.

    Raises:
        InputError: fewer epochs than there were already.

    Example:
        >>> plan = (Phase("backbone", 2, 0.01), Phase("C3", 2, 0.001))
        >>> [phase.epochs for phase in extend_epochs(plan, 5, finished=4)]
        [2, 5]
    """
    made, before = [], 0
    for number, phase in enumerate(phases):
        is_left = finished > before + phase.epochs or (
            finished == before + phase.epochs and number < len(phases) - 1
        )
        if not is_left and phase.freeze != CLOSED_FORM and epochs < min(finished - before, phase.epochs):
            raise InputError(
                f"--epochs {epochs} is less than the {finished - before} epochs that phase {number + 1} of this run "
                "has done: give more, or leave it out"
            )
        is_left = is_left or phase.freeze == CLOSED_FORM  # one pass, however long the others are
        made.append(phase if is_left else replace(phase, epochs=epochs))
        before += phase.epochs
    return tuple(made)


def write_history(path: Path, rows: list[dict[str, Any]]) -> None:
    """Write the metrics of all epochs so far, one row each."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    part = path.with_suffix(".part")
    with part.open("w", newline="") as file:
        writer = csv.DictWriter(file, names, restval="")
        writer.writeheader()
        writer.writerows(rows)
    os.replace(part, path)


def next_free_folder(out: str | None, run: Path, stem: str) -> Path:
    """Create a new folder: --out, or the next free number in the run.

    Raises:
        InputError: it exists or cannot be made.
    """
    number = 1
    while out is None and (run / f"{stem}-{number}").exists():
        number += 1
    folder = Path(out) if out else run / f"{stem}-{number}"
    try:
        folder.mkdir(parents=True)
    except FileExistsError as error:
        raise InputError(f"--out '{folder}' exists: give a new name or remove it") from error
    except OSError as error:
        raise InputError(f"'{folder}' cannot be created ({error.strerror}): give another --out") from error
    return folder
