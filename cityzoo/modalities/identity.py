"""Identity of a run's data: class names, splits and hashes of labels, to tell whether data changed since training."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cityzoo.data.image.findings import brief
from cityzoo.errors import InputError
from cityzoo.replace_file import replace_file

FORMAT = 1  # of the file
SHOWN = 10  # names in a message
FIRST = 3  # examples in a message
Names = Mapping[str, tuple[str, ...]]
Splits = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class DataIdentity:
    """What must be the same when a run goes on, or is evaluated on its own data.

    Attributes:
        names: what the model's outputs or inputs stand for, in order, by what it is: {"classes": ("car", "bus")}.
        splits: for each split, a hash of the labels of each example by its name.
    """

    names: Names
    splits: Splits

    def write(self, path: Path) -> None:
        """Write it as JSON."""
        with replace_file(path) as part:
            part.write_text(json.dumps({"format": FORMAT, **asdict(self)}), encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> DataIdentity | None:
        """Return what was written; None where there is no such file: an older version made the run.

        Raises:
            InputError: the file is damaged.
        """
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            names = {str(kind): tuple(map(str, each)) for kind, each in content["names"].items()}
            return cls(names, {str(split): dict(each) for split, each in content["splits"].items()})
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(
                f"'{path}' is damaged ({error}): restore it, or remove it to go on without a check of the data"
            ) from error


def hash_labels(parts: Iterable[tuple[str, bytes]]) -> dict[str, str]:
    """Return a short hash of the labels of each example; several parts of one name are hashed together.

    Example:
        >>> hash_labels([("a.jpg", b"car"), ("b.jpg", b"bus")])
        {'a.jpg': 'fbd5b925cd67', 'b.jpg': '9a55edf238d0'}
    """
    digests: dict[str, hashlib.blake2b] = {}
    for name, labels in parts:
        digests.setdefault(name, hashlib.blake2b(digest_size=6)).update(labels)
    return {name: digest.hexdigest() for name, digest in digests.items()}


class IdentifiedData:
    """The part of a modality that tells whether data changed since a run was trained on it."""

    def data_identity(self, splits: Iterable[Any], source: str) -> DataIdentity:
        """Return the names and the labels of examples, to tell whether data changed since training.

        Args:
            splits: sets of examples with the data's own names, one per split; those without examples do not count.
            source: the data's file or folder, which the examples' names are relative to.
        """
        sets = [each for each in splits if len(each)]
        labels = {each.split: hash_labels(self.named_labels(each, source)) for each in sets}
        return DataIdentity(self.data_names(sets[0]), labels)

    def example_names(self, examples: Any, source: str) -> list[str]:
        """Return a name of each example that stays the same while its data does; several may be alike."""
        return [name for name, _ in self.named_labels(examples, source)]

    def data_names(self, examples: Any) -> Names:
        """Return what must keep its order in the data, such as {"classes": ("bus", "car")}."""
        return {"classes": tuple(examples.class_names)}

    def named_labels(self, examples: Any, source: str) -> Iterable[tuple[str, bytes]]:
        """Return name and labels of each example; an example may come in several parts."""
        for each in examples.examples:
            target = getattr(each, "target", None)
            yield brief(each.path, source), b"" if target is None else np.asarray(target).tobytes()


def require_same_names(known: DataIdentity, found: DataIdentity, run: str) -> None:
    """Refuse data whose classes, or whatever else has names, changed or changed their order.

    Raises:
        InputError: with both lists and the first difference.
    """
    for kind, old in known.names.items():
        new = found.names.get(kind, ())
        if new == old:
            continue
        added = [name for name in new if name not in old]
        missing = [name for name in old if name not in new]
        listed = ((f"new: {_first(added, SHOWN)}", added), (f"missing: {_first(missing, SHOWN)}", missing))
        how = "; ".join(text for text, some in listed if some) or "the same in another order"
        raise InputError(
            f"the data names the {kind} {_first(new, SHOWN)}, but the run '{run}' learned {_first(old, SHOWN)} "
            f"({how}): restore the data, or train a new run on it"
        )


def describe_changes(known: Splits, found: Splits) -> list[str]:
    """Return in words which examples were added, removed, moved to another split or relabeled; nothing: [].

    Example:
        >>> describe_changes({"train": {"a": "1", "b": "2"}, "val": {"c": "3"}}, {"train": {"a": "9", "c": "3"}})
        ['1 removed (train: b)', '1 moved to another split (c: val to train)', '1 with other labels (train: a)']
    """
    old, new = _places(known), _places(found)
    both = [name for name in new if name in old]
    moved = [f"{name}: {old[name]} to {new[name]}" for name in both if old[name] != new[name]]
    gone = {name.rpartition("/")[2]: name for name in old if name not in new}
    renamed = {name: gone[name.rpartition("/")[2]] for name in new if name.rpartition("/")[2] in gone}
    renamed = {
        name: before for name, before in renamed.items() if name not in old and old[before] != new[name]
    }
    moved += [f"{before}: {old[before]} to {new[name]}" for name, before in renamed.items()]
    added = [f"{new[name]}: {name}" for name in new if name not in old and name not in renamed]
    removed = [f"{old[name]}: {name}" for name in gone.values() if name not in renamed.values()]
    relabeled = [
        f"{new[name]}: {name}"
        for name in both
        if old[name] == new[name] and _hashes(known, name) != _hashes(found, name)
    ]
    kinds = {"added": added, "removed": removed, "moved to another split": moved}
    kinds["with other labels"] = relabeled
    return [f"{len(some)} {what} ({_first(some, FIRST)})" for what, some in kinds.items() if some]


def restrict(known: Splits, found: Splits) -> Splits:
    """Return what is known of the splits that were read again, and of their examples wherever they were.

    Example:
        >>> restrict({"train": {"a": "1", "b": "2"}, "val": {"c": "3"}}, {"val": {"b": "2"}})
        {'train': {'b': '2'}, 'val': {'c': '3'}}
    """
    names = {name for examples in found.values() for name in examples}
    return {
        split: {name: labels for name, labels in examples.items() if split in found or name in names}
        for split, examples in known.items()
    }


def _places(splits: Splits) -> dict[str, str]:
    places: dict[str, str] = {}
    for split, examples in splits.items():
        for name in examples:
            places[name] = f"{places[name]} and {split}" if name in places else split
    return places


def _hashes(splits: Splits, name: str) -> list[str]:
    return [examples[name] for examples in splits.values() if name in examples]


def _first(names: Iterable[str], count: int) -> str:
    listed = list(names)
    more = f", ... ({len(listed)})" if len(listed) > count else ""
    return ", ".join(listed[:count]) + more
