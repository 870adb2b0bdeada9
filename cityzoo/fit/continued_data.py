"""The data of a run that continues an earlier one: new examples, and kept ones of all runs before it."""

from __future__ import annotations

import difflib
import logging
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cityzoo.cli.retain import JOINT, REPLAY
from cityzoo.errors import InputError
from cityzoo.fit import replay_choice, replay_memory
from cityzoo.fit.data_of_runs import join_data_of_runs
from cityzoo.fit.distillation_teacher import split_teacher
from cityzoo.fit.fold_data import class_counts
from cityzoo.fit.replay_memory import Forgotten, MemorySource
from cityzoo.fit.run_folder import open_run
from cityzoo.modalities.embedding import embed

if TYPE_CHECKING:
    from cityzoo.modalities import Dataset, Modality
    from cityzoo.spec import TrainSpec
    from cityzoo.tasks import Task

LOG = logging.getLogger(__name__)
MOST_TIMES = 20  # that an example is shown in an epoch
ALIKE = 0.85  # of two names, from which on one may be the other misspelled


@dataclass(frozen=True)
class ContinuedDataset:
    """New data joined with a replay memory.

    Attributes:
        new: the new data alone, with that of --with-data-of and the classes of the run.
        train: what is trained on: replayed examples, then new ones; each as often as its share requires.
        val: validation examples of the memory, then new ones.
        known: the replayed training examples, each once.
        known_val: number of the memory's examples in `val`, which come first.
        memory: the sources of the examples.
        forgotten: what may not be replayed, by this run and those that continue it.
        added: classes that the earlier run did not know.
    """

    new: Any
    train: Any
    val: Any
    known: Any
    known_val: int
    memory: tuple[MemorySource, ...]
    forgotten: tuple[Forgotten, ...]
    added: tuple[str, ...]
    modality: Any

    @property
    def held_out(self) -> Any:
        """Return the examples that metrics are reported for."""
        return self.val if self.new.held_out is self.new.val else self.new.held_out

    @property
    def findings(self) -> Any:
        """Return what the check of the new data found."""
        return self.new.findings

    def with_val(self) -> ContinuedDataset:
        """Return the data with train and val joined to train on, and nothing to choose epochs by."""
        joined = self.modality.join([self.train, self.val])
        return replace(self, train=joined, val=self.modality.select(self.val, []), known_val=0)


def continue_data(spec: TrainSpec[Any], task: Task, new: Dataset) -> ContinuedDataset:
    """Join new data with kept examples of the run that `spec` continues.

    Raises:
        InputError: classes that are probably renamed ones, no known class and nothing to replay, or a memory whose
            examples are gone.
    """
    from cityzoo.model import load

    modality, retain = task.modality, dict(spec.fit.retain)
    share, is_joint = retain.get(REPLAY, 0.0), JOINT in retain
    path = Path(split_teacher(str(spec.run.continue_))[0])
    folder, before = open_run(str(path))
    model = load(folder.model)
    known = modality.class_names(model)
    confirmed = (getattr(spec.modality, "class_map", None) or {}).values()
    new, others, forgotten = join_data_of_runs(spec, task, new, replay_memory.read_forgotten(path))
    names, added = merge_class_names(known, new, bool(share) or is_joint or not retain, confirmed)
    new = _with_class_names(modality, new, names)
    sources = [*replay_memory.read_memory(path), replay_memory.source_of(path, before)]
    if not (share or is_joint):
        _warn_of_forgetting(retain, added)
        kept = modality.select(new.train, []), 0, (*sources, *others)  # nothing is replayed
        return ContinuedDataset(new, new.train, new.val, *kept, tuple(forgotten), added, modality)
    output = task.output_for(known, before.output)
    train, val, memory = _fill_memory(
        spec, sources, forgotten, modality, names, partial(embed, modality, model, output)
    )
    joined = _mix(modality, train, new.train, None if is_joint else share, spec.run.seed)
    LOG.info(
        "continuing '%s': %d new %s and %d of earlier runs; new classes: %s",
        *(path, len(new.train), modality.unit, len(train), ", ".join(added) or "none"),
    )
    return ContinuedDataset(
        *(
            new,
            joined,
            modality.join([val, new.val]),
            train,
            len(val),
            (*memory, *others),
            tuple(forgotten),
            added,
            modality,
        )
    )


def _warn_of_forgetting(retain: Mapping[str, float], added: Sequence[str]) -> None:
    if added and retain:
        LOG.warning(
            "WARNING: --retain %s replays nothing: with new classes (%s) a model forgets nearly all of the others, "
            "whatever is distilled or held; add replay:0.5",
            *(",".join(f"{way}:{weight:g}" for way, weight in retain.items()), ", ".join(added)),
        )


def _fill_memory(
    spec: TrainSpec[Any],
    sources: Sequence[MemorySource],
    forgotten: Sequence[Forgotten],
    modality: Modality[Any],
    names: tuple[str, ...],
    embed_plainly: Callable[[Any], np.ndarray],
) -> tuple[Any, Any, list[MemorySource]]:
    is_joint, seed = JOINT in dict(spec.fit.retain), spec.run.seed
    most = sys.maxsize if is_joint else replay_choice.memory_size(spec.fit.replay_memory, len(names))
    read = [
        replay_choice.read_candidates(
            each, modality, is_new=is_joint or each is sources[-1], forgotten=forgotten
        )
        for each in sources
    ]
    covering = partial(
        replay_choice.pick_covering, embed=embed_plainly, most=most, seed=seed, modality=modality
    )
    train, kept = replay_choice.keep([each[0] for each in read], modality, names, covering)
    val, kept_val = replay_choice.keep(
        *([each[1] for each in read], modality, names),
        lambda examples: replay_choice.pick_evenly(len(examples), most, seed),
    )
    memory = [
        replace(source, train=tuple(own), val=tuple(own_val))
        for source, own, own_val in zip(sources, kept, kept_val, strict=True)
    ]
    return train, val, memory


def merge_class_names(
    known: Sequence[str], new: Dataset, is_accepted: bool, confirmed: Collection[str] = ()
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the class names of a continued run, known ones first, and those that are new.

    Args:
        known: classes of the earlier run.
        new: the new data.
        is_accepted: whether data without any known class is: examples are replayed, or nothing is to be retained.
        confirmed: new names that may resemble a known one.

    Raises:
        InputError: a new name that resembles a known one which the new data lacks, or no known class where that is not
            accepted.
    """
    if not known:
        return (), ()
    used = _used_names(new)
    added = [name for name in used if name not in known]
    for name in added:
        absent = {each.lower(): each for each in known if each not in used}
        alike = difflib.get_close_matches(name.lower(), absent, 1, ALIKE)
        if alike and name not in confirmed:
            old = absent[alike[0]]
            raise InputError(
                f"the new data has a class '{name}' and no '{old}', which the earlier run knows: if it was renamed, "
                f"give --class-map '{name}={old}'; if it is new, '{name}={name}'"
            )
    if len(added) == len(used) and not is_accepted:
        raise InputError(
            f"the new data has none of the classes that the earlier run knows ({', '.join(known)}): it would forget "
            "them all; give --retain replay:0.5, or --class-map"
        )
    if len(added) == len(used):
        LOG.warning("WARNING: no class of the new data is known: %s", ", ".join(added))
    return (*known, *added), tuple(added)


def _used_names(data: Dataset) -> list[str]:
    names = data.train.class_names
    used = np.zeros(len(names), bool)
    for split in (data.train, data.val):
        if len(split):
            used |= (class_counts(split) > 0).any(axis=0)
    return [name for name, is_used in zip(names, used, strict=True) if is_used]


def _with_class_names(modality: Modality[Any], data: Any, names: tuple[str, ...]) -> Any:
    if not names:
        return data
    sides = {side: modality.reorder_labels(getattr(data, side), names) for side in ("train", "val")}
    return replace(data, **sides)


def _mix(modality: Modality[Any], known: Any, new: Any, share: float | None, seed: int) -> Any:
    """Return known and new examples, some repeated until known ones have their share of all; None: each once."""
    if not len(known):
        return new
    if share is None:
        return modality.join([known, new])
    rng = np.random.default_rng(seed)
    wanted = max(share / (1 - share), 1e-9)  # known ones for each new one
    counts = [len(known), len(new)]
    short = 0 if counts[0] < wanted * counts[1] else 1
    times = wanted * counts[1] if short == 0 else counts[0] / wanted
    counts[short] = round(min(times, MOST_TIMES * counts[short]))
    sides = [
        modality.select(each, np.resize(rng.permutation(len(each)), count).tolist())
        for each, count in zip((known, new), counts, strict=True)
    ]
    return modality.join(sides)
