"""Optuna's study in a journal: a file that several processes append to, and that survives what kills them."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cityzoo.errors import InputError
from cityzoo.tune.study import StudyFolder

if TYPE_CHECKING:
    import optuna

STUDY = "study"  # its name in the journal
REDUCTION = 3  # from rung to rung, a third of the trials gets three times as many epochs
RUNGS = 3
INSTALL = 'a search needs Optuna ({}): pip install "cityzoo[tune]"'


class JournalLock:
    """Lock a journal for one process at a time, and cut off a line that a killed process left unfinished.

    Unlike Optuna's own lock, it ends with its process, however that ends.
    """

    def __init__(self, journal: Path) -> None:
        self.journal, self.handle = journal, -1

    def acquire(self) -> bool:
        """Wait for the lock."""
        self.handle = os.open(f"{self.journal}.lock", os.O_RDWR | os.O_CREAT, 0o644)
        fcntl.flock(self.handle, fcntl.LOCK_EX)
        self._cut_unfinished_line()
        return True

    def release(self) -> None:
        """Give the lock back."""
        os.close(self.handle)

    def _cut_unfinished_line(self) -> None:
        with self.journal.open("rb+") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(size - 1, 0))
            if size and file.read(1) != b"\n":
                file.seek(0)
                file.truncate(file.read().rfind(b"\n") + 1)


def open_study(folder: StudyFolder, directions: Sequence[str], pruner: str, seed: int) -> optuna.Study:
    """Open the journal of a study, or begin it.

    Args:
        folder: of the study.
        directions: "maximize" or "minimize" for each objective.
        pruner: one of PRUNERS.
        seed: of the sampler; every process and continuation draws others.

    Raises:
        InputError: Optuna is not installed.
    """
    optuna = import_optuna()
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    lock: Any = JournalLock(folder.journal)
    backend = JournalFileBackend(str(folder.journal), lock_obj=lock)
    study = optuna.create_study(
        storage=JournalStorage(backend), study_name=STUDY, directions=list(directions), load_if_exists=True
    )
    started = len(study.get_trials(deepcopy=False))
    study.sampler = optuna.samplers.TPESampler(multivariate=True, group=True, seed=seed + started)
    study.pruner = _make_pruner(pruner)
    return study


def import_optuna() -> Any:
    """Import Optuna without its warnings about experimental features.

    Raises:
        InputError: it is not installed.
    """
    import warnings

    try:
        import optuna
    except ImportError as error:
        raise InputError(INSTALL.format(error)) from error
    for category in (optuna.exceptions.ExperimentalWarning, UserWarning):
        warnings.filterwarnings("ignore", category=category, module="optuna")
    return optuna


def _make_pruner(name: str) -> optuna.pruners.BasePruner:
    import optuna

    if name == "none":
        return optuna.pruners.NopPruner()
    if name == "hyperband":
        return optuna.pruners.HyperbandPruner(1, REDUCTION ** (RUNGS - 1), REDUCTION)
    return optuna.pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=REDUCTION)


def finished_trials(study: optuna.Study) -> list[Any]:
    """Return the trials that were trained to the end, the defaults' among them."""
    import optuna

    return study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.COMPLETE,))


def default_trial(study: optuna.Study) -> Any | None:
    """Return the finished trial of the defaults; None before there is one."""
    found = [each for each in finished_trials(study) if each.user_attrs.get("origin") == "defaults"]
    return found[0] if found else None
