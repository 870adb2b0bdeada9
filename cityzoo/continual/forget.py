"""Remove examples from the replay memory of a run, and find the runs that were trained on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from cityzoo.continual.lineage import read_lineage
from cityzoo.errors import InputError
from cityzoo.fit.replay_memory import (
    Forgotten,
    MemorySource,
    is_forgotten,
    read_forgotten,
    read_memory,
    source_of,
    write_memory,
)


class Removal(NamedTuple):
    """What was removed, and who learned it."""

    removed: int  # examples of the memory
    left: int  # examples that stay in it
    trained: list[
        str
    ]  # folders of runs of the lineage that were trained on matching data, or continue such runs


def forget_examples(run: Path, source: str, names: Sequence[str] = ()) -> Removal:
    """Remove examples from the memory of a run, and keep them out of the memory of runs that continue it.

    Args:
        run: folder of the run.
        source: data or run folder that they came from; "*" and "?" stand for any characters.
        names: of single examples, with the same wildcards; none: all of the source.

    Raises:
        InputError: no run, or a source that no run of the lineage was trained on.
    """
    runs, _ = read_lineage(run)
    memory, rule = read_memory(run, with_expired=True), Forgotten(source, tuple(names))
    own = [source_of(each.folder.path, each.spec) for each in runs]
    if not any(rule.covers(each) for each in (*memory, *own)):
        known = dict.fromkeys(each.data for each in (*memory, *own))
        raise InputError(f"no run of this lineage was trained on '{source}': known are {', '.join(known)}")
    kept = [_without(each, rule) for each in memory]
    left = sum(map(_count, kept))
    rules = [*read_forgotten(run), rule]
    write_memory(run, [each for each in kept if _count(each)], list(dict.fromkeys(rules)))
    first = next((number for number, each in enumerate(own) if rule.covers(each)), len(own))
    return Removal(sum(map(_count, memory)) - left, left, [each.run for each in own[first:]])


def _count(source: MemorySource) -> int:
    return len(source.train) + len(source.val)


def _without(source: MemorySource, rule: Forgotten) -> MemorySource:
    def keep(names: Sequence[str]) -> tuple[str, ...]:
        return tuple(name for name in names if not is_forgotten(source, name, [rule]))

    return replace(source, train=keep(source.train), val=keep(source.val))
