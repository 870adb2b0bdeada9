"""The folder that a run leaves behind, and from which it is resumed."""

from __future__ import annotations

import csv
import logging
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from shlex import quote
from typing import Any

from cityzoo.errors import InputError, disk_full
from cityzoo.fit import distributed
from cityzoo.fit.run_files import RunFolder
from cityzoo.fit.run_lock import is_locked, lock_run
from cityzoo.replace_file import remove_unfinished, replace_file
from cityzoo.spec import CLOSED_FORM, Phase, TrainSpec
from cityzoo.spec_file import read_spec

LOG = logging.getLogger(__name__)
RUNS = Path("runs")


def free_name(spec: TrainSpec) -> Path:
    """Return the folder of a new run: --out, or the next free number.

    Raises:
        InputError: `--out` exists.
    """
    if spec.run.out:
        require_new(spec.run.out)
        return Path(spec.run.out)
    stem, number = f"{spec.run.task_name}-{Path(spec.run.backbone).name}", 1
    while _is_taken(RUNS / f"{stem}-{number}"):
        number += 1
    return RUNS / f"{stem}-{number}"


def require_new(out: str) -> None:
    """Raise InputError if a new run's folder exists, unless a training left it that ended before its first epoch."""
    if _is_taken(Path(out)):
        raise InputError(
            f"--out '{out}' exists: give a new name, remove it, or resume it with --resume {quote(out)}"
        )


def _is_taken(path: Path) -> bool:
    if not path.is_dir():
        return path.exists()
    run = RunFolder(path)
    is_free = not any(path.iterdir()) or (run.spec.is_file() and run.is_unbegun)
    return not is_free or is_locked(path)


@contextmanager
def open_or_create(
    spec: TrainSpec, resumed: str | None, program: str = "python train.py"
) -> Iterator[RunFolder]:
    """Create a run's folder, or open the one to resume, alone; say how to resume when training is interrupted.

    With several processes, only the chief's folder is kept. A new folder in which no epoch was finished is removed
    again, so that nothing half-written is left behind.

    Raises:
        InputError: the folder cannot be written, its disk is full, or another process trains this run.
    """
    if not distributed.is_chief():
        with tempfile.TemporaryDirectory(prefix="cityzoo-") as folder:
            yield _copied(resumed, Path(folder))
        return
    with lock_run(Path(resumed)) if resumed else create(spec) as created:
        run = created or RunFolder(Path(str(resumed)))
        _remove_unfinished(run)
        if resumed:
            spec.write(run.spec)  # the plan may be a longer one
        LOG.info("run folder: %s", run.path)
        try:
            yield run
        except KeyboardInterrupt:
            sys.stdout.write("\n")  # ends the line of the progress bar
            raise InputError(_how_to_go_on("interrupted", spec, run, program)) from None
        except Exception as error:
            if not (reason := disk_full(error)):
                raise
            said = f"nothing more can be written ({reason})"
            raise InputError(_how_to_go_on(said, spec, run, program)) from error
        finally:
            if not resumed and not run.has_results:
                shutil.rmtree(run.path, ignore_errors=True)


def _how_to_go_on(what: str, spec: TrainSpec, run: RunFolder, program: str) -> str:
    if run.checkpoint.exists():
        command = f"{program} --resume {quote(str(run.path))}"
        return f"{what}. Finished epochs are saved; resume with: {command}"
    uses_cache = getattr(spec.modality, "cache", "off") != "off"
    kept = "features computed so far are kept in the cache" if uses_cache else "nothing is kept"
    return f"{what} before the first epoch was finished: {kept}; start again with the same command"


def _remove_unfinished(run: RunFolder) -> None:
    for folder in (run.path, run.path / "refit", run.path / "predictions"):
        remove_unfinished(folder)
        for part in folder.glob("*.part"):  # of earlier versions
            part.unlink(missing_ok=True)


@contextmanager
def create(spec: TrainSpec) -> Iterator[RunFolder]:
    """Make a run's folder with its spec, and lock it: --out, or the next free number.

    A folder of a training that ended before its first epoch did is used again.

    Raises:
        InputError: the folder exists or cannot be written.
    """
    with ExitStack() as stack:
        run = RunFolder(_claim(spec, stack))
        try:
            for entry in run.path.iterdir():
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
            spec.write(run.spec)
        except OSError as error:
            raise _not_created(run.path, error) from error
        yield run


def _claim(spec: TrainSpec, stack: ExitStack) -> Path:
    path = free_name(spec)
    try:
        path.mkdir(parents=True, exist_ok=True)
        stack.enter_context(lock_run(path))
    except OSError as error:
        raise _not_created(path, error) from error
    except InputError:  # another new run has just taken the number
        return _claim(spec, stack)
    return path


def _not_created(path: Path, error: OSError) -> InputError:
    reason = disk_full(error) or error.strerror
    return InputError(f"run folder '{path}' cannot be created ({reason}): give another --out")


def _copied(resumed: str | None, folder: Path) -> RunFolder:
    run = RunFolder(folder)
    begun = RunFolder(Path(resumed)) if resumed else run
    for source, copy in ((begun.checkpoint, run.checkpoint), (begun.data, run.data)):
        if resumed and source.is_file():
            shutil.copy(source, copy)
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
    """Return the number of epochs in a run's history.

    Raises:
        InputError: it is damaged.
    """
    if not run.history.is_file():
        return 0
    try:
        with run.history.open(newline="", encoding="utf-8") as file:
            return max((int(row["epoch"]) for row in csv.DictReader(file)), default=0)
    except (OSError, ValueError, KeyError, TypeError, csv.Error) as error:
        reason = f"no column {error}" if isinstance(error, KeyError) else error
        raise InputError(
            f"'{run.history}' is damaged ({reason}): remove it; --resume writes it again from {run.checkpoint.name}"
        ) from error


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
    with replace_file(path) as part, part.open("w", newline="") as file:
        writer = csv.DictWriter(file, names, restval="")
        writer.writeheader()
        writer.writerows(rows)


def next_free_folder(out: str | None, run: Path, stem: str) -> Path:
    """Create a new folder: --out, or the next free number in the run; next to a signed run, which stays as it is.

    Raises:
        InputError: it exists or cannot be made.
    """
    number = 1
    if RunFolder(run).is_signed:
        run, stem = run.parent, f"{run.name}-{stem}"
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
