"""The processes of a search: who is alive, and how trials of the others are continued."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cityzoo.fit.run_lock import is_locked, lock_run
from cityzoo.tune.study import StudyFolder

if TYPE_CHECKING:
    import optuna

CRASHED = "crashed"  # in the folder of a worker
ATTEMPTS = 2  # of a trial whose process died
OWN: set[str] = set()  # workers of this process, whose locks it cannot try


@contextmanager
def exclusive(folder: StudyFolder) -> Iterator[None]:
    """Let one process at a time begin, end and take over trials; wait for the others."""
    with (folder.path / ".turn").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def sign_in(folder: StudyFolder) -> Iterator[str]:
    """Register this process as a worker; its name counts as alive until the process ends, however it ends."""
    own = folder.path / "workers" / f"{os.uname().nodename}-{os.getpid()}-{os.urandom(3).hex()}"
    own.mkdir(parents=True)
    OWN.add(own.name)
    try:
        with lock_run(own):
            yield own.name
    finally:
        OWN.discard(own.name)
        shutil.rmtree(own, ignore_errors=True)


def take_over(study: optuna.Study, folder: StudyFolder) -> optuna.Trial | None:
    """Return a trial that was begun and that no living process works on, to continue it; None if there is none.

    A trial that its process did not survive several times is recorded as failed. Call it inside `exclusive`.
    """
    import optuna

    for known in study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.RUNNING,)):
        worker = _folder_of_worker(folder, known)
        if _is_alive(worker):
            continue
        trial = optuna.Trial(study, known._trial_id)
        attempts = int(known.user_attrs.get("attempts", 1)) + int((worker / CRASHED).is_file())
        trial.set_user_attr("attempts", attempts)
        trial.set_user_attr("worker", "")
        shutil.rmtree(worker, ignore_errors=True)
        if attempts <= ATTEMPTS:
            return trial
        reason = f"the system killed its process {ATTEMPTS} times, perhaps for its memory"
        trial.set_user_attr("reason", reason)
        study.tell(trial, state=optuna.trial.TrialState.FAIL)
    return None


def count_running(study: optuna.Study, folder: StudyFolder) -> int:
    """Return how many trials living processes work on."""
    import optuna

    begun = study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.RUNNING,))
    return sum(_is_alive(_folder_of_worker(folder, trial)) for trial in begun)


def _folder_of_worker(folder: StudyFolder, trial: Any) -> Path:
    return folder.path / "workers" / (trial.user_attrs.get("worker") or "nobody")


def _is_alive(worker: Path) -> bool:
    return worker.is_dir() and (is_locked(worker) or worker.name in OWN)


def mark_crashed(folder: StudyFolder, process: int) -> None:
    """Note that a worker was killed while its parent was not: perhaps by the memory that its trial takes."""
    for own in (folder.path / "workers").glob(f"*-{process}-*"):
        (own / CRASHED).touch()


def run_name(number: int) -> str:
    """Return the name of a trial's run folder.

    Example:
        >>> run_name(7)
        'trial-007'
    """
    return f"trial-{number:03d}"


def run_folder(folder: StudyFolder, trial: Any) -> Path:
    """Return the run folder of a trial."""
    return folder.trial(run_name(trial.number))
