"""Load rows with several modalities: read, aligned, checked, split into train and val."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from cityzoo.data.files import confine, fraction_of
from cityzoo.data.image.duplicates import find_similar
from cityzoo.data.image.image_info import open_images
from cityzoo.data.multimodal import tables
from cityzoo.data.multimodal.align import align
from cityzoo.data.multimodal.cell_reader import CellReader
from cityzoo.data.multimodal.examples import MODALITIES, MultimodalDataset, MultimodalRow, MultimodalSet
from cityzoo.data.multimodal.findings import MultimodalFindings
from cityzoo.data.text.check import normalize
from cityzoo.errors import InputError, unknown

LOG = logging.getLogger(__name__)
VAL_SHARE = 0.2
Labeled = tuple[MultimodalRow, str, str]  # row, label, split


def load(
    source: str,
    *,
    parts: Sequence[str] = (),
    within: float = 30.0,
    classes: Sequence[str] = (),
    val: str | None = None,
    limit: int | None = None,
    strict: bool = False,
    is_whole: bool = False,
    pairs: Sequence[str] = (),
) -> MultimodalDataset:
    """Read and check labeled rows, or pairs of modalities, which need no labels.

    The data's own splits are used; where there is no val, a fifth of the rows by a hash of place and day, or of the
    row itself where neither is given.

    Args:
        source: a table, or a folder of them.
        parts: tables with times of their own, aligned with the rows of `source`.
        within: largest distance of aligned rows, in seconds.
        classes: to train, in this order; none: all, sorted.
        val: source of held-out rows.
        limit: rows of each split.
        strict: stop if anything is not used.
        is_whole: rows without a split are evaluated on, not split.
        pairs: modalities that each row must have; labels are ignored.

    Raises:
        InputError: nothing there, no labels, a column that is always empty, or too few rows.
    """
    findings = MultimodalFindings(source, "")
    rows = _read(source, parts, within, findings, pairs)
    if val:
        rows = [(row, label, "train") for row, label, split in rows if split in ("", "train")]
        rows += [(row, label, "val") for row, label, _ in _read(val, (), within, findings, pairs)]
    if is_whole:
        rows = [(row, label, split or "val") for row, label, split in rows]
    train, held_out, test = _split(rows)
    names = _class_names(train or held_out + test, classes)
    held_out, test = (_remove_shared(train, side, findings) for side in (held_out, test))
    sides = [_take(side, names, limit, findings) for side in (train, held_out, test)]
    if not ((is_whole and any(sides)) or (len(sides[0]) >= 2 and sides[1])):
        raise InputError(
            f"'{source}' gives {len(sides[0])} rows to train on and {len(sides[1])} to validate: give more, or --val"
        )
    _find_near(sides[0], sides[1], findings)
    sets = [_to_set(name, side, names) for name, side in zip(("train", "val", "test"), sides, strict=True)]
    _describe(sets, findings)
    LOG.info("%s", findings.text())
    if strict:
        findings.require_all_used()
    return MultimodalDataset(
        sets[0], sets[1], findings, sets[2] if len(sets[2]) else None, any(s == "val" for *_, s in rows)
    )


def load_unlabelled(
    source: str, parts: Sequence[str] = (), within: float = 30.0, limit: int | None = None
) -> MultimodalSet:
    """Read rows whose labels, if there are any, are not looked at; errors as of `load`."""
    findings = MultimodalFindings(source, "")
    rows = [row for row, *_ in _read(source, parts, within, findings, labeled=False)][:limit]
    _describe([found := MultimodalSet("all", (), tuple(rows))], findings)
    LOG.info("%s", findings.text())
    return found


def _read(
    source: str,
    parts: Sequence[str],
    within: float,
    findings: MultimodalFindings,
    pairs: Sequence[str] = (),
    labeled: bool = True,
) -> list[Labeled]:
    with confine(source):
        raw = tables.read(source, findings, parts)
        named = {name for row in raw for name in row.values if name in MODALITIES}
        for part in parts:
            other = tables.read(part, findings)
            named |= {name for row in other for name in row.values if name in MODALITIES}
            raw = align(raw, other, part, within, findings)
        reader, found = CellReader(findings), []
        for each in raw:
            if labeled and "label" not in each.values and not pairs:
                findings.add("no label", each.place_in_file)
                continue
            cells, place = reader.read(each), str(each.values.get("place", ""))
            row = MultimodalRow(each.place_in_file, cells, None, each.time, place)
            label = "pair" if pairs else str(each.values.get("label", "")).strip()
            found.append((row, label, each.split))
    _drop_broken_images([row for row, *_ in found], findings)
    kept = _keep_filled(found, pairs, findings)
    if not kept:
        lost = "; ".join(findings.line(kind) for kind in findings.kinds if findings.counts[kind])
        fill = f"columns {' and '.join(pairs)}" if pairs else "column label" if labeled else "columns"
        what = "pairs" if pairs else "labeled rows" if labeled else "rows"
        raise InputError(f"'{source}' has no {what} that can be used ({lost}): fill the {fill}")
    for name in (modality for modality in MODALITIES if modality in named and labeled):
        if not any(name in row.cells for row, *_ in kept):
            raise InputError(
                f"'{source}': the column {name} is empty in all {len(kept)} rows that can be used "
                f"({findings.counts['missing']} files missing, {findings.counts['not aligned']} rows not aligned): "
                "correct it, raise --align-within, or remove the column"
            )
    return kept


def _keep_filled(
    rows: Sequence[Labeled], pairs: Sequence[str], findings: MultimodalFindings
) -> list[Labeled]:
    kept = []
    for each in rows:
        if not each[0].cells:
            findings.add("empty", each[0].path)
        elif not set(pairs) <= set(each[0].cells):
            findings.add("no pair", each[0].path)
        else:
            kept.append(each)
    return kept


def _drop_broken_images(rows: Sequence[MultimodalRow], findings: MultimodalFindings) -> None:
    facts = open_images([row.cells["image"] for row in rows if "image" in row.cells], findings.source)
    for row in rows:
        if "image" in row.cells and facts[row.cells["image"]].defect:
            findings.add("broken", f"{row.path}: {facts[row.cells['image']].reason}")
            del row.cells["image"]  # type: ignore[attr-defined]  # of this reading alone


def _split(rows: Sequence[Labeled]) -> tuple[list[Labeled], list[Labeled], list[Labeled]]:
    by_name = {name: [each for each in rows if each[2] == name] for name in ("train", "val", "test", "")}
    pool = by_name["train"] + by_name[""]
    if by_name["val"] or not pool:
        return pool, by_name["val"], by_name["test"]
    shares = {id(each): fraction_of(each[0].group or each[0].path) for each in pool}
    limit = max(VAL_SHARE, min(shares.values()) + 1e-12)  # with few groups, the lowest is held out
    train = [each for each in pool if shares[id(each)] >= limit]
    return train, [each for each in pool if shares[id(each)] < limit], by_name["test"]


def _class_names(rows: Sequence[Labeled], classes: Sequence[str]) -> tuple[str, ...]:
    found = sorted({label for _, label, _ in rows})
    for name in classes:
        if name not in found:
            raise unknown("class of the rows", name, found)
    return tuple(classes) or tuple(found)


def _identity(row: MultimodalRow) -> tuple[tuple[str, bytes], ...]:
    cells = row.cells.items()
    return tuple(
        (name, value.tobytes() if isinstance(value, np.ndarray) else value.encode()) for name, value in cells
    )


def _remove_shared(
    train: Sequence[Labeled], side: Sequence[Labeled], findings: MultimodalFindings
) -> list[Labeled]:
    known, kept = {_identity(row): row.path for row, *_ in train}, []
    for each in side:
        twin = known.get(_identity(each[0]))
        if twin is None:
            kept.append(each)
        else:
            findings.add("duplicate", f"{twin} and {each[0].path}")
    return kept


def _take(
    rows: Sequence[Labeled], names: Sequence[str], limit: int | None, findings: MultimodalFindings
) -> list[Labeled]:
    kept = []
    for each in rows:
        if each[1] in names:
            kept.append(each)
        else:
            findings.add("dropped class", each[0].path)
    if limit is None or limit >= len(kept):
        return kept
    order = sorted(range(len(kept)), key=lambda number: fraction_of(kept[number][0].path))
    return [kept[number] for number in sorted(order[:limit])]


def _find_near(train: Sequence[Labeled], val: Sequence[Labeled], findings: MultimodalFindings) -> None:
    sides = [[row for row, *_ in side] for side in (train, val)]
    images = [[row for row in side if "image" in row.cells] for side in sides]
    facts = open_images([row.cells["image"] for side in images for row in side], findings.source)
    hashes = [
        np.array([int(facts[row.cells["image"]].perceptual_hash, 16) for row in side], np.uint64)
        for side in images
    ]
    for row, place in zip(images[1], find_similar(*hashes).tolist(), strict=True):
        if place >= 0:
            findings.add("near duplicate", f"{images[0][place].path} ~ {row.path}")
    texts = {normalize(row.cells["text"]): row.path for row in sides[0] if "text" in row.cells}
    for row in sides[1]:
        twin = texts.get(normalize(row.cells["text"])) if "text" in row.cells else None
        if twin:
            findings.add("same text", f"{twin} and {row.path}")
    groups = {row.group for row in sides[0]}
    for group in sorted({row.group for row in sides[1]} & groups - {""}):
        findings.add("shared group", group)


def _to_set(split: str, rows: Sequence[Labeled], names: tuple[str, ...]) -> MultimodalSet:
    targets: Mapping[str, np.ndarray] = dict(zip(names, np.eye(len(names), dtype=np.float32), strict=True))
    return MultimodalSet(split, names, tuple(replace(row, target=targets[label]) for row, label, _ in rows))


def _describe(sets: Sequence[MultimodalSet], findings: MultimodalFindings) -> None:
    findings.sizes = {each.split: len(each) for each in sets if len(each)}
    targets = [e.target for e in sets[0].examples if e.target is not None]
    counts = np.sum([np.zeros(len(sets[0].class_names)), *targets], axis=0)
    findings.classes = {name: int(count) for name, count in zip(sets[0].class_names, counts, strict=True)}
    cells = [name for each in sets for row in each.examples for name in row.cells]
    findings.modalities = {name: cells.count(name) for name in MODALITIES if name in cells}
