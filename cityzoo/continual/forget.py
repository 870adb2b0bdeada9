"""Remove examples from the replay memory of a run, and find the runs that were trained on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fnmatch import fnmatch
from pathlib import Path
from typing import NamedTuple

from cityzoo.continual.lineage import read_lineage
from cityzoo.errors import InputError
from cityzoo.fit.replay_memory import MemorySource, read_memory, source_of, write_memory


class Forgotten(NamedTuple):
    """What was removed, and who learned it."""

    removed: int  # examples of the memory
    left: int  # examples that stay in it
    trained: list[str]  # folders of runs of the lineage that were trained on removed or matching data


def forget_examples(run: Path, source: str, names: Sequence[str] = ()) -> Forgotten:
    """Remove examples from the memory of a run.

    Args:
        run: folder of the run.
        source: data or run folder that they came from; "*" and "?" stand for any characters.
        names: of single examples, with the same wildcards; none: all of the source.

    Raises:
        InputError: no run, or a source that no run of the lineage was trained on.
    """
    runs, _ = read_lineage(run)
    memory = read_memory(run, with_expired=True)
    own = [source_of(each.folder.path, each.spec) for each in runs]
    matching = [each for each in own if _matches(each, source)]
    if not matching and not any(_matches(each, source) for each in memory):
        known = dict.fromkeys(each.data for each in (*memory, *own))
        raise InputError(f"no run of this lineage was trained on '{source}': known are {', '.join(known)}")
    kept = [_without(each, names) if _matches(each, source) else each for each in memory]
    removed = sum(len(e.train) + len(e.val) for e in memory) - sum(len(e.train) + len(e.val) for e in kept)
    kept = [each for each in kept if each.train or each.val]
    if removed:
        write_memory(run, kept)
    return Forgotten(removed, sum(len(e.train) + len(e.val) for e in kept), _trained(matching, own))


def _trained(matching: Sequence[MemorySource], own: Sequence[MemorySource]) -> list[str]:
    # The first run that learned the data, and all that go back to it.
    first = min((own.index(each) for each in matching), default=len(own))
    return [each.run for each in own[first:]]


def _matches(source: MemorySource, pattern: str) -> bool:
    return any(each == pattern or fnmatch(each, pattern) for each in (source.data, source.run))


def _without(source: MemorySource, names: Sequence[str]) -> MemorySource:
    if not names:
        return replace(source, train=(), val=())

    def keep(kept: Sequence[str]) -> tuple[str, ...]:
        return tuple(each for each in kept if not any(fnmatch(each, name) for name in names))

    return replace(source, train=keep(source.train), val=keep(source.val))
