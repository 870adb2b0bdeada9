"""What --continue takes over from an earlier run, before anything heavy is loaded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cityzoo import tasks
from cityzoo.cli.retain import DISTIL, JOINT, REPLAY
from cityzoo.errors import InputError
from cityzoo.spec import TrainSpec

# What belongs to the data or the training of the earlier run alone.
NOT_TAKEN = (
    *(
        "data",
        "format",
        "limit",
        "val",
        "classes",
        "shots",
        "unlabelled",
        "split_by",
        "seed",
        "out",
        "strict",
    ),
    *("repeats", "folds", "fold", "group_by", "minutes", "find_lr", "teacher", "teacher_weight", "delta"),
    *("robust_groups", "independent_of", "adversarial"),
    *(
        "continue_",
        "with_data_of",
        "may_lose",
        "bounds",
        "expires",
        "retain",
        "replay_memory",
        "phases",
        "freeze",
        "epochs",
        "keep_epochs",
    ),
)


def continued_values(run: str, earlier: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of the flags of a run that continues another one.

    Args:
        run: folder of the earlier run.
        earlier: its flags.
        given: flags of the command line.

    Raises:
        InputError: no --data, a run that has no model, or --weights, which the run itself has.
    """
    from cityzoo.fit.run_folder import open_run

    folder, _ = open_run(run)
    _require_known_metrics(folder.path, [name for name, _ in given.get("may_lose", ())])
    if not folder.model.is_file():
        raise InputError(
            f"--continue '{run}' holds no {folder.model.name}: continue a run whose training has ended"
        )
    if not given.get("data"):
        raise InputError(f"--continue '{run}' needs new data: give --data; a stopped run needs --resume")
    if "weights" in given:
        raise InputError(f"--continue '{run}' starts from the weights of that run: remove --weights")
    values = {name: value for name, value in earlier.items() if name not in NOT_TAKEN}
    from cityzoo.continual.lineage import first_weights

    is_joint = any(way == JOINT for way, _ in given.get("retain", ()))
    return {**values, "weights": first_weights(run) if is_joint else str(folder.model)}


def _require_known_metrics(run: Path, names: Sequence[str]) -> None:
    """Raise InputError for a metric that the run's report does not have: its training would be for nothing."""
    from cityzoo.evaluation.run_facts import earlier_facts

    report = earlier_facts(run)
    known = [name for name, value in report.items() if isinstance(value, float)]
    for name in names:
        if known and name not in known:
            raise InputError(
                f"--may-lose: '{name}' is no metric of '{run}': give one of {', '.join(sorted(known)[:12])}"
            )


def add_teacher(spec: TrainSpec[Any]) -> TrainSpec[Any]:
    """Make the earlier run the teacher of the one that continues it, if --retain says distil.

    Raises:
        InputError: --folds or another --teacher as well, or --may-lose, --bounds or --with-data-of without --continue.
    """
    if spec.run.continue_ and (spec.run.folds or spec.run.fold):
        raise InputError("--continue cannot be combined with --folds and --fold: remove them")
    if spec.run.continue_ is None:
        for flag, is_given in (("--may-lose", spec.run.may_lose), ("--bounds", spec.run.bounds)):
            if is_given:
                raise InputError(f"{flag} compares with an earlier run: give --continue")
        if spec.run.with_data_of:
            raise InputError("--with-data-of adds to the new data of a run that goes on: give --continue")
        return spec
    weight = dict(spec.fit.retain).get(DISTIL, 0.0)
    if not weight:
        return spec
    if spec.fit.teacher and spec.fit.teacher != spec.run.continue_:
        raise InputError(
            f"--retain distil:{weight:g} learns from '{spec.run.continue_}': remove --teacher, or give --retain "
            f"{REPLAY}:0.5"
        )
    if not tasks.find(spec.run.task).output.supports_distillation:
        return spec.replace(retain=tuple(pair for pair in spec.fit.retain if pair[0] != DISTIL))
    return spec.replace(teacher=spec.run.continue_, teacher_weight=weight)
