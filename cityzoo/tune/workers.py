"""The processes of a search: who is alive, and who continues the trials of those that are not."""

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
    try:
        with lock_run(own):
            yield own.name
    finally:
        shutil.rmtree(own, ignore_errors=True)


def take_over(study: optuna.Study, folder: StudyFolder, own: str) -> None:
    """Queue the trials of processes that have ended, so that they continue; call it inside `exclusive`."""
    import optuna

    for trial in study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.RUNNING,)):
        worker = trial.user_attrs.get("worker", "")
        if worker != own and not (worker and is_locked(folder.path / "workers" / worker)):
            queue_again(study, trial, crashed=(folder.path / "workers" / worker / CRASHED).is_file())
    for left in (folder.path / "workers").iterdir():
        if left.name != own and not is_locked(left):
            shutil.rmtree(left, ignore_errors=True)


def mark_crashed(folder: StudyFolder, process: int) -> None:
    """Note that a worker was killed while its parent was not: perhaps by the memory that its trial takes."""
    for own in (folder.path / "workers").glob(f"*-{process}-*"):
        (own / CRASHED).touch()


def queue_again(study: optuna.Study, trial: Any, crashed: bool) -> None:
    """End a trial that was interrupted, and queue one that continues its run folder.

    Args:
        study: of the trial.
        trial: that was running.
        crashed: whether the trial may have killed its process: then it gets one more attempt only.
    """
    import optuna

    attrs = dict(trial.user_attrs)
    attempt = int(attrs.get("attempt", 1)) + int(crashed)
    params = trial.params or trial.system_attrs.get("fixed_params")  # killed before the first was taken
    study.tell(trial.number, state=optuna.trial.TrialState.FAIL)
    if attempt <= ATTEMPTS and params:
        kept = {name: attrs[name] for name in ("origin", "seconds") if name in attrs}
        run = attrs.get("run", run_name(trial.number))
        study.enqueue_trial(params, user_attrs={**kept, "run": run, "attempt": attempt})


def run_name(number: int) -> str:
    """Return the name of a trial's run folder.

    Example:
        >>> run_name(7)
        'trial-007'
    """
    return f"trial-{number:03d}"


def run_folder(folder: StudyFolder, trial: Any) -> Path:
    """Return the run folder of a trial; a continued one has that of the trial before."""
    return folder.trial(trial.user_attrs.get("run", run_name(trial.number)))
