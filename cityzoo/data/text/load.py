"""Load texts: read, checked, split into train and val."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from cityzoo.data.files import confine, fraction_of
from cityzoo.data.text import check, formats
from cityzoo.data.text.findings import TextFindings
from cityzoo.data.text.formats import Columns, RawText, lines
from cityzoo.data.text.texts import TextDataset, TextExample, TextSet
from cityzoo.errors import InputError, unknown

LOG = logging.getLogger(__name__)
VAL_SHARE = 0.2
IGNORE, OUTSIDE = "ignore", "outside"  # values of --class-map: left out; outside of all classes


def load(
    source: str,
    *,
    format: str | None = None,
    columns: Columns = Columns(),  # noqa: B008 - frozen
    classes: Sequence[str] = (),
    class_map: Mapping[str, str] | None = None,
    val: str | None = None,
    limit: int | None = None,
    split_by: str = "text",
    hold_out: Sequence[str] = (),
    strict: bool = False,
    is_training: bool = True,
    is_labeled: bool = True,
) -> TextDataset:
    """Read and check labeled texts.

    The data's own splits are used; where there is no val, a fifth of the texts by a hash of their words, or of their
    groups. Equal texts are kept once, and never on both sides.

    Args:
        source: file or folder.
        format: csv, json, conll or folders; None: by the files' names.
        columns: names of columns.
        classes: to train, in this order; none: all, sorted.
        class_map: names of labels to those of classes, or to "ignore".
        val: source of held-out texts.
        limit: texts of each split.
        split_by: "text", or "group": texts of one group share a split, even if the data has splits of its own.
        hold_out: groups of texts that are val.
        strict: stop if anything is not used.
        is_training: whether there must be texts to train on, and others held out. Of texts to evaluate on all classes
            count, and those without a split stay together.
        is_labeled: whether labels are read; else lines of a .txt file are texts, too.

    Raises:
        InputError: nothing there, unreadable files, no labels, fewer than two texts of a split.
    """
    findings = TextFindings(source, "")
    raw = _read_all(source, val, format, columns, findings, is_labeled)
    if is_labeled:
        raw = _map_labels(raw, class_map or {}, findings)
    raw = check.remove_copies(raw, findings)
    divide = partial(_split, split_by="text" if val else split_by, hold_out=hold_out, findings=findings)
    train, held_out, test = divide(raw) if is_training else _named_splits(raw)
    held_out = check.remove_shared(train, held_out, findings)
    test = check.remove_shared(train, test, findings)
    names = _class_names(train if is_training else raw, classes)
    sides = [_take(side, limit) for side in (train, held_out, test)]
    check.describe([each for side in sides for each in side], findings)
    sets = [
        _to_set(split, side, names, findings)
        for split, side in zip(("train", "val", "test"), sides, strict=True)
    ]
    _describe(sets, findings, names)
    LOG.info("%s", findings.text())
    if strict:
        findings.require_all_used()
    has_val = bool(val or hold_out) or (split_by == "text" and any(each.split == "val" for each in raw))
    return TextDataset(sets[0], sets[1], findings, sets[2] if len(sets[2]) else None, has_val)


def _read_all(
    source: str,
    val: str | None,
    format: str | None,
    columns: Columns,
    findings: TextFindings,
    is_labeled: bool,
) -> list[RawText]:
    """Return the texts that are not empty; those of `val` are held out."""
    reader = formats.read if is_labeled else lines.read_unlabelled
    with confine(source):
        raw = reader(source, format, columns, findings)
    if val:
        raw = [replace(each, split="train") for each in raw if each.split in ("", "train")]
        with confine(val):
            raw += [replace(each, split="val") for each in reader(val, format, columns, findings)]
    kept = [each for each in (check.clean(each, findings) for each in raw) if each]
    return kept if is_labeled else [replace(each, labels=(), tags=()) for each in kept]


def _map_labels(
    raw: Sequence[RawText], class_map: Mapping[str, str], findings: TextFindings
) -> list[RawText]:
    kept = []
    for each in raw:
        if each.tags:
            kept.append(check.clean_tags(each, class_map, findings))
            continue
        if each.labels is None:
            findings.add("no label", each.place)
            continue
        mapped = tuple(class_map.get(label, label) for label in each.labels)
        labels = tuple(dict.fromkeys(label for label in mapped if label not in (IGNORE, OUTSIDE)))
        if each.labels and not labels and OUTSIDE not in mapped:
            findings.add("dropped class", each.place)
            continue
        kept.append(replace(each, labels=labels))
    if not any(each.tags or each.labels for each in kept):
        raise InputError(
            f"'{findings.source}' has no labels: name their column 'label', or give --label-column"
        )
    return kept


def _named_splits(raw: Sequence[RawText]) -> tuple[list[RawText], list[RawText], list[RawText]]:
    """Return train, val and test as they are named; texts without a split are train."""
    train, val, test = (
        [each for each in raw if (each.split or "train") == name] for name in ("train", "val", "test")
    )
    return train, val, test


def _split(
    raw: Sequence[RawText], split_by: str, hold_out: Sequence[str], findings: TextFindings
) -> tuple[list[RawText], list[RawText], list[RawText]]:
    by_name = {name: [each for each in raw if each.split == name] for name in ("train", "val", "test", "")}
    pool = by_name["train"] + by_name[""]
    if hold_out or split_by == "group":
        pool += by_name.pop("val")
    if not pool:
        raise InputError(
            f"'{findings.source}' holds no texts to train on: name a file train.csv, or give --val"
        )
    if hold_out:
        for name in hold_out:
            if name not in {each.group for each in pool}:
                raise unknown("group of texts", name, {each.group for each in pool})
        sides = [[each for each in pool if (each.group in hold_out) == is_val] for is_val in (False, True)]
        if not sides[0]:
            raise InputError("--hold-out names all groups of texts: leave one to train on")
        return sides[0], sides[1], by_name["test"]
    if by_name.get("val"):
        return pool, by_name["val"], by_name["test"]
    keys = [
        each.group or check.normalize(each.text) if split_by == "group" else check.normalize(each.text)
        for each in pool
    ]
    shares = {key: fraction_of(key) for key in keys}
    # With few groups none may fall below the share: the lowest is held out then.
    limit = max(VAL_SHARE, sorted(shares.values())[0] + 1e-12)
    train = [each for each, key in zip(pool, keys, strict=True) if shares[key] >= limit]
    val = [each for each, key in zip(pool, keys, strict=True) if shares[key] < limit]
    if len(train) < 2 or not val:
        raise InputError(
            f"{len(pool)} texts of '{findings.source}' cannot be split into train and val: give more, or --val"
        )
    return train, val, by_name["test"]


def _class_names(train: Sequence[RawText], classes: Sequence[str]) -> tuple[str, ...]:
    found = sorted({label for each in train for label in each.labels or ()})
    for name in classes:
        if name not in found:
            raise unknown("class of the texts", name, found)
    return tuple(classes) or tuple(found)


def _take(texts: Sequence[RawText], limit: int | None) -> list[RawText]:
    if limit is None or limit >= len(texts):
        return list(texts)
    order = sorted(range(len(texts)), key=lambda row: fraction_of(check.normalize(texts[row].text)))
    return [texts[row] for row in sorted(order[:limit])]


def _to_set(split: str, texts: Sequence[RawText], names: tuple[str, ...], findings: TextFindings) -> TextSet:
    places = {name: number for number, name in enumerate(names)}
    examples = []
    for each in texts:
        labels = [label for label in each.labels or () if label in places]
        if each.tags:
            each = check.keep_types(each, places, findings)
        elif each.labels and not labels:
            findings.add("dropped class", each.place)
            continue
        target = np.zeros(len(names), np.float32)
        target[[places[label] for label in labels]] = 1
        if names and not labels and not each.tags:
            findings.add("outside", each.place)
        examples.append(TextExample(each.text, each.place, target, each.words, each.tags, group=each.group))
    return TextSet(split, names, tuple(examples))


def _describe(sets: Sequence[TextSet], findings: TextFindings, names: tuple[str, ...]) -> None:
    findings.sizes = {each.split: len(each) for each in sets if len(each)}
    counted = next((each.examples for each in sets if len(each)), ())  # train, or what is evaluated
    counts = np.sum([np.zeros(len(names)), *(each.target for each in counted)], axis=0)
    findings.classes = {name: int(count) for name, count in zip(names, counts, strict=True)}
    check.find_similar_labels(Counter(findings.classes), findings)
