"""Data of other runs that a continued run learns as if it were new: labels that no model in service has learned."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cityzoo.errors import InputError
from cityzoo.fit import replay_choice, replay_memory
from cityzoo.fit.replay_memory import Forgotten, MemorySource
from cityzoo.fit.run_folder import open_run

if TYPE_CHECKING:
    from cityzoo.modalities import Dataset
    from cityzoo.spec import TrainSpec
    from cityzoo.tasks import Task

LOG = logging.getLogger(__name__)


def join_data_of_runs(
    spec: TrainSpec[Any], task: Task, new: Dataset, forgotten: Sequence[Forgotten]
) -> tuple[Any, list[MemorySource], list[Forgotten]]:
    """Join new data with that of the runs that `spec` names, training and validation examples each.

    Args:
        spec: of the run.
        task: of the run.
        new: the new data.
        forgotten: what may not be used; what is to be forgotten of the other runs is left out, too.

    Returns:
        The joined data, with the class names of all; the other runs' data as sources of a memory that keeps all of it;
        and what may not be replayed.

    Raises:
        InputError: a run of another task, or data that is gone.
    """
    rules, sources, sides = list(forgotten), [], [(new.train, new.val)]
    for run in spec.run.with_data_of:
        folder, earlier = open_run(run)
        if earlier.run.task != spec.run.task:
            raise InputError(
                f"--with-data-of '{run}' is a run of {earlier.run.task}: give runs of {spec.run.task}"
            )
        source = replay_memory.source_of(folder.path, earlier)
        rules += [rule for rule in replay_memory.read_forgotten(folder.path) if rule not in rules]
        if source.is_expired:
            LOG.info("the data of '%s' expired on %s and is left out", run, source.expires)
            continue
        train, val = replay_choice.read_candidates(source, task.modality, is_new=True, forgotten=rules)
        sides.append((train.examples, val.examples))
        sources.append(replace(source, train=tuple(train.names), val=tuple(val.names)))
        LOG.info(
            "with the data of '%s': %d %s, and %d to validate",
            *(run, len(train.names), task.modality.unit, len(val.names)),
        )
    if not sources:
        return new, [], rules
    names = tuple(dict.fromkeys(name for side in sides for name in side[0].class_names))
    alike = [
        [task.modality.reorder_labels(each, names) if names else each for each in side] for side in sides
    ]
    train, val = (task.modality.join(each) for each in zip(*alike, strict=True))
    return replace(new, train=train, val=val), sources, rules  # type: ignore[type-var]
