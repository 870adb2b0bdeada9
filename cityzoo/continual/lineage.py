"""The runs that a continued run goes back to."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cityzoo.errors import InputError
from cityzoo.fit.distillation_teacher import split_teacher
from cityzoo.fit.run_files import RunFolder
from cityzoo.fit.run_folder import open_run
from cityzoo.spec import TrainSpec

LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Ancestor:
    """A run of a lineage."""

    folder: RunFolder
    spec: TrainSpec[Any]

    @property
    def name(self) -> str:
        """Return the folder's name."""
        return self.folder.path.name


def read_lineage(run: Path) -> tuple[list[Ancestor], str | None]:
    """Return the runs that a run goes back to, the first one first and itself last.

    Returns:
        The runs, and the path of one that is missing, before which the lineage is not known; None if it is whole.

    Raises:
        InputError: `run` is no run folder, or a run continues itself, perhaps by way of others.
    """
    found: list[Ancestor] = []
    path: str | None = str(run)
    while path:
        if any(each.folder.path.resolve() == Path(path).resolve() for each in found):
            raise InputError(
                f"'{run}' continues itself by way of '{path}': restore the spec.json of its runs"
            )
        try:
            folder, spec = open_run(path)
        except InputError:
            if not found:
                raise
            LOG.warning("WARNING: '%s', which '%s' continues, is missing", path, found[0].folder.path)
            return found, path
        found.insert(0, Ancestor(folder, spec))
        path = split_teacher(spec.run.continue_ or "")[0]
    return found, None


def first_weights(run: str) -> str:
    """Return what the first run of a lineage started from, as --weights takes it.

    Args:
        run: folder of any run of the lineage.

    Raises:
        InputError: a run of the lineage is missing.
    """
    spec = open_run(run)[1]
    while spec.run.continue_:
        spec = open_run(split_teacher(spec.run.continue_)[0])[1]
    return spec.run.weights
