"""Divide pictures into train and val by hash: the same file always lands on the same side."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from pathlib import Path

from cityzoo.data.facts import PictureFacts
from cityzoo.data.raw import RawPicture
from cityzoo.errors import InputError


def fraction_of(text: str) -> float:
    """Return a number in 0..1 that depends on nothing but the text, evenly spread.

    Example:
        >>> round(fraction_of("a.jpg"), 4) == round(fraction_of("a.jpg"), 4) != round(fraction_of("b.jpg"), 4)
        True
    """
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") / 2**64


def in_hash_order(pictures: Sequence[RawPicture]) -> list[RawPicture]:
    """Return pictures shuffled by a hash of name and folder: the same on every machine."""
    # Files of the same name in several folders: the folder's own name tells them apart.
    return sorted(pictures, key=lambda each: (fraction_of("/".join(Path(each.path).parts[-2:])), each.path))


def first(pictures: Sequence[RawPicture], limit: int | None) -> list[RawPicture]:
    """Return at most `limit` pictures, the first in hash order, in the order that they came in."""
    if limit is None or limit >= len(pictures):
        return list(pictures)
    kept = {id(each) for each in in_hash_order(pictures)[:limit]}
    return [each for each in pictures if id(each) in kept]


def divide(
    pictures: Sequence[RawPicture],
    val_fraction: float,
    limit: int | None,
    open_all: Callable[[Sequence[RawPicture]], dict[str, PictureFacts]],
) -> tuple[list[RawPicture], list[RawPicture]]:
    """Divide pictures that bring no split, by the hash of their content: copies of one file never part.

    Frames of one video differ in content and may part: give such data its own split.

    Args:
        pictures: all of them.
        val_fraction: share of val, above 0 and below 1.
        limit: pictures wanted on each side, or None for all; no more are opened than that takes.
        open_all: opens pictures and returns their facts by path.

    Returns:
        train and val, each in the order that the pictures came in, neither empty.

    Raises:
        InputError: fewer than two different pictures, or a fraction out of range.
    """
    if not 0 < val_fraction < 1:
        raise InputError(
            f"--val-fraction is {val_fraction}, allowed is above 0 and below 1 (0.2 keeps a fifth for val)"
        )
    order = list(pictures) if limit is None else in_hash_order(pictures)
    step = len(order) if limit is None else math.ceil(limit / min(val_fraction, 1 - val_fraction))
    place: dict[str, float] = {}
    train: list[RawPicture] = []
    val: list[RawPicture] = []
    for start in range(0, len(order), step):
        chunk = order[start : start + step]
        facts = open_all(chunk)
        place |= {each.path: fraction_of(facts[each.path].digest or each.path) for each in chunk}
        train += [each for each in chunk if place[each.path] >= val_fraction]
        val += [each for each in chunk if place[each.path] < val_fraction]
        if limit is not None and min(len(train), len(val)) >= limit:
            break
    _fill_empty(train, val, place)
    rank = {id(each): number for number, each in enumerate(pictures)}
    return tuple(sorted(side[:limit], key=lambda each: rank[id(each)]) for side in (train, val))


def _fill_empty(train: list[RawPicture], val: list[RawPicture], place: dict[str, float]) -> None:
    """Few pictures may all fall on one side: move those nearest to the other."""
    if len(set(place.values())) < 2:
        raise InputError(
            "one picture cannot be split into train and val: give more pictures, or others with --val"
        )
    if not val:
        nearest = min(place[each.path] for each in train)
        _move(train, val, place, nearest)
    elif not train:
        nearest = max(place[each.path] for each in val)
        _move(val, train, place, nearest)


def _move(origin: list[RawPicture], target: list[RawPicture], place: dict[str, float], spot: float) -> None:
    target += [each for each in origin if place[each.path] == spot]
    origin[:] = [each for each in origin if place[each.path] != spot]
