"""The replay memory: examples of earlier runs that a continued run is trained on as well."""

from __future__ import annotations

import datetime
import json
import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cityzoo import tasks
from cityzoo.errors import DAMAGE, InputError
from cityzoo.fit.run_files import RunFolder
from cityzoo.replace_file import replace_file
from cityzoo.spec_file import make_spec, parse_config

if TYPE_CHECKING:
    from cityzoo.modalities import Dataset, Modality
    from cityzoo.spec import TrainSpec

LOG = logging.getLogger(__name__)
FORMAT = 1
SHOWN = 3  # names in a message


@dataclass(frozen=True)
class MemorySource:
    """Kept examples of the data of one run.

    Attributes:
        run: folder of that run.
        spec: its spec.json, which says how its data is read.
        trained: date of its training, ISO 8601.
        expires: last day on which its examples may be replayed; None: no such day.
        train: names of kept training examples, see `number_names`.
        val: the same of its validation examples.
    """

    run: str
    spec: dict[str, Any]
    trained: str
    expires: str | None = None
    train: tuple[str, ...] = field(default=())
    val: tuple[str, ...] = field(default=())

    @property
    def is_expired(self) -> bool:
        """Return whether its examples may not be used any more."""
        return self.expires is not None and datetime.date.today().isoformat() > self.expires

    @property
    def data(self) -> str:
        """Return the data's file or folder."""
        return str(self.spec.get("run", {}).get("data") or "demo data")

    def read(self) -> tuple[TrainSpec[Any], Dataset]:
        """Read the run's whole data again.

        Raises:
            InputError: it is gone, or cannot be read.
        """
        try:
            spec = make_spec(parse_config(dict(self.spec), RunFolder(Path(self.run)).spec))
            task = tasks.find(spec.run.task)
            return spec, task.modality.read(spec, task)
        except InputError as error:
            raise InputError(
                f"the memory of '{self.run}' cannot be replayed ({error}): restore '{self.data}', remove it with "
                f"python -m cityzoo forget, or give --retain without replay"
            ) from error


@dataclass(frozen=True)
class Forgotten:
    """Examples that were removed on request, and are never replayed again.

    Attributes:
        source: data or run folder that they came from; "*" and "?" stand for any characters.
        examples: their names, with the same wildcards; none: all of the source.
    """

    source: str
    examples: tuple[str, ...] = ()

    def covers(self, source: MemorySource) -> bool:
        """Return whether examples of a source can be meant."""
        return any(fnmatch(each, self.source) or each == self.source for each in (source.data, source.run))


def source_of(run: Path, spec: TrainSpec[Any]) -> MemorySource:
    """Return a run's own data as a source of which nothing is kept yet."""
    moment = RunFolder(run).spec.stat().st_mtime
    plain = json.loads(json.dumps(spec.as_dict()))
    return MemorySource(str(run), plain, datetime.date.fromtimestamp(moment).isoformat(), spec.run.expires)


def number_names(names: Sequence[str]) -> list[str]:
    """Return names of which no two are equal: several examples of one file are numbered.

    Example:
        >>> number_names(["a.jpg", "b.jpg", "a.jpg"])
        ['a.jpg', 'b.jpg', 'a.jpg#2']
    """
    seen: Counter[str] = Counter()
    numbered = []
    for name in names:
        seen[name] += 1
        numbered.append(name if seen[name] == 1 else f"{name}#{seen[name]}")
    return numbered


def names_of(modality: Modality[Any], examples: Any, source: str) -> list[str]:
    """Return the names under which a memory keeps the examples of some data, each once."""
    return number_names(modality.example_names(examples, source))


def find_rows(names: Sequence[str], source: MemorySource, kept: Sequence[str]) -> list[int]:
    """Return the rows of the kept names of a source among those of its data.

    Raises:
        InputError: some are gone.
    """
    rows = {name: row for row, name in enumerate(names)}
    gone = [name for name in kept if name not in rows]
    if gone:
        raise InputError(
            f"{len(gone)} of {len(kept)} examples in the memory of '{source.run}' are gone, e.g. "
            f"{', '.join(gone[:SHOWN])}: restore them in '{source.data}', remove them with python -m cityzoo forget, "
            "or give --retain without replay"
        )
    return [rows[name] for name in kept]


def is_forgotten(source: MemorySource, name: str, rules: Sequence[Forgotten]) -> bool:
    """Return whether an example may not be replayed, because it was to be forgotten.

    Example:
        >>> source = MemorySource("runs/a", {"run": {"data": "north"}}, "2026-05-01")
        >>> rule = Forgotten("nor*", ("may/*",))
        >>> [is_forgotten(source, name, [rule]) for name in ("may/1.jpg", "june/1.jpg")]
        [True, False]
    """
    return any(
        rule.covers(source) and (not rule.examples or any(fnmatch(name, each) for each in rule.examples))
        for rule in rules
    )


def read_memory(run: Path, with_expired: bool = False) -> list[MemorySource]:
    """Return the sources in a run's memory; none where a run continues no other.

    Sources that have expired are left out, unless `with_expired`.

    Raises:
        InputError: the file is damaged.
    """
    found = _read(run)[0]
    if with_expired:
        return found
    for each in found:
        if each.is_expired:
            LOG.info(
                "memory: %d examples of '%s' expired on %s and are left out",
                *(len(each.train) + len(each.val), each.data, each.expires),
            )
    return [each for each in found if not each.is_expired]


def read_forgotten(run: Path) -> list[Forgotten]:
    """Return what no run may replay that continues this one.

    Raises:
        InputError: the file is damaged.
    """
    return _read(run)[1]


def _read(run: Path) -> tuple[list[MemorySource], list[Forgotten]]:
    path = RunFolder(run).memory
    if not path.is_file():
        return [], []
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        sources = [
            MemorySource(**{**each, "train": tuple(each["train"]), "val": tuple(each["val"])})
            for each in content["sources"]
        ]
        rules = [Forgotten(each["source"], tuple(each["examples"])) for each in content.get("forgotten", ())]
    except DAMAGE as error:
        raise InputError(f"'{path}' is damaged ({error}): restore it, or continue an earlier run") from error
    return sources, rules


def write_memory(run: Path, sources: Sequence[MemorySource], forgotten: Sequence[Forgotten] = ()) -> None:
    """Write a run's memory, whole or not at all."""
    rows, rules = [asdict(each) for each in sources], [asdict(each) for each in forgotten]
    content = {"format": FORMAT, "sources": rows, "forgotten": rules}
    with replace_file(RunFolder(run).memory) as part:
        part.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
