"""Selection, order and renaming of classes: `--classes car,bus` and `--class-map person=ignore,van=car`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cityzoo.errors import InputError, unknown

MOST_CLASSES = 10_000  # of a head; more are a damaged list of names
IGNORE = "ignore"
IGNORED, OTHER = "ignored class", "other class"  # kinds of finding, in place of a label


def map_classes(
    names: Sequence[str],
    classes: Sequence[str] = (),
    class_map: Mapping[str, str] | None = None,
    may_be_none: bool = False,
    may_lack: bool = False,
) -> tuple[tuple[str, ...], dict[str, int | str]]:
    """Return the class names to train on, and for each name in the data its label or the reason why it has none.

    Args:
        names: class names of the data, in its order.
        classes: names to keep, in this order; empty keeps all. A name may come from `class_map`.
        class_map: from a name of the data to another name, new or not, or to "ignore".
        may_be_none: whether data without classes is allowed.
        may_lack: whether names that the data does not have are passed over, if it has any of `classes`.

    Raises:
        InputError: a selected or mapped class that is not in the data, no class left, or more than `MOST_CLASSES`.

    Example:
        >>> map_classes(["car", "van", "person"], [], {"van": "car", "person": "ignore"})
        (('car',), {'car': 0, 'van': 0, 'person': 'ignored class'})
        >>> map_classes(["car", "bus"], ["bus"])
        (('bus',), {'car': 'other class', 'bus': 0})
        >>> map_classes(["bus"], ["car", "bus"], {"person": "ignore"}, may_lack=True)
        (('bus',), {'bus': 0})
    """
    class_map = dict(class_map or {})
    for name in class_map:
        if name not in names and not may_lack:
            raise unknown("class in --class-map", name, names)
    renamed = {name: class_map.get(name, name) for name in names}
    present = [name for name in dict.fromkeys(renamed.values()) if name != IGNORE]
    if may_lack:
        classes = [name for name in classes if name in present] or classes
    for name in classes:
        if name not in present:
            raise unknown("class in --classes", name, present)
    kept = tuple(dict.fromkeys(classes)) or tuple(present)
    if not kept and (names or not may_be_none):
        raise InputError("--class-map ignores every class of the data: keep at least one")
    if len(kept) > MOST_CLASSES:
        raise InputError(
            f"the data has {len(kept)} classes, allowed are {MOST_CLASSES}: select some with --classes, or correct the "
            "class names"
        )
    position = {name: number for number, name in enumerate(kept)}
    labels = {name: IGNORED if new == IGNORE else position.get(new, OTHER) for name, new in renamed.items()}
    return kept, labels


def add_val_classes(
    label_of: Mapping[str, int | str],
    class_names: Sequence[str],
    selected: bool,
    class_map: Mapping[str, str],
    val_names: Sequence[str],
) -> dict[str, int | str]:
    """Return the labels of train's class names, and of names that only another val source has.

    `label_of` and `class_names` are the result of `map_classes`. `selected`: whether classes were selected by name;
    other names are then skipped rather than unknown.

    Example:
        >>> add_val_classes({"car": 0}, ("car",), False, {"van": "car"}, ("car", "van", "tram"))
        {'car': 0, 'van': 0}
    """
    labels = dict(label_of)
    position = {name: number for number, name in enumerate(class_names)}
    for name in val_names:
        new = class_map.get(name, name)
        if name not in labels and (new in position or selected):
            labels[name] = position.get(new, OTHER)
    return labels
