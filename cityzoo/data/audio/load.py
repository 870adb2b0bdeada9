"""Load sounds: read, checked, split into train and val."""

from __future__ import annotations

import logging
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from cityzoo.data.audio import check, sources
from cityzoo.data.audio.check import CheckedSound
from cityzoo.data.audio.clips import AudioDataset, AudioExample, AudioSet
from cityzoo.data.audio.decode import SUFFIXES, import_soundfile
from cityzoo.data.audio.findings import AudioFindings
from cityzoo.data.audio.sources import RawSound
from cityzoo.data.files import confine, files_under, fraction_of
from cityzoo.errors import InputError, unknown

LOG = logging.getLogger(__name__)
VAL_SHARE = 0.2
LEAST_GROUPS = 3  # to split by groups without being asked
IGNORE = "ignore"
SPLITS = ("train", "val", "test")


def load(
    source: str,
    *,
    format: str | None = None,
    pattern: str = "",
    classes: Sequence[str] = (),
    class_map: Mapping[str, str] | None = None,
    val: str | None = None,
    limit: int | None = None,
    split_by: str = "auto",
    strict: bool = False,
    is_whole: bool = False,
) -> AudioDataset:
    """Read and check labeled sounds.

    The data's own splits are used; where there is no val, a fifth of the sounds by a hash of their samples, or of
    their groups. Equal sounds are kept once, and never on both sides.

    Args:
        source: a table, or a folder.
        format: csv, folders or names; None: found by what is there.
        pattern: of file names; see `sources.compile_pattern`.
        classes: to train, in this order; none: all, sorted.
        class_map: names of labels to those of classes, or to "ignore".
        val: source of held-out sounds.
        limit: sounds of each split.
        split_by: "clip", or "group": sounds of one group share a split; "auto": by group if there are 3 or more.
        strict: stop if anything is not used.
        is_whole: sounds without a split are evaluated on, not split.

    Raises:
        InputError: nothing there, no labels, or too few sounds.
    """
    import_soundfile()
    findings = AudioFindings(source, "")
    raw = _read(source, format, pattern, findings)
    if val:
        raw = [replace(each, split="train") for each in raw if each.split in ("", "train")]
        raw += [replace(each, split="val") for each in _read(val, None, pattern, findings)]
    if is_whole and not any(each.split for each in raw):
        raw = [replace(each, split="val") for each in raw]
    raw = _map_labels(raw, class_map or {}, findings)
    sounds = [each for each in (check.check(each, findings) for each in raw) if each]
    sounds = check.remove_copies(sounds, findings)
    train, held_out, test = _split(sounds, split_by, findings)
    held_out = check.remove_shared(train, held_out, findings)
    test = check.remove_shared(train, test, findings)
    names = _class_names(train or held_out + test, classes)
    sides = [
        _take([each for each in side if _is_trained(each, names, findings)], limit)
        for side in (train, held_out, test)
    ]
    _require_sounds(sides, is_whole, findings)
    sets = [_to_set(split, side, names) for split, side in zip(SPLITS, sides, strict=True)]
    _describe(sets, findings)
    LOG.info("%s", findings.text())
    if strict:
        findings.require_all_used()
    has_val = any(each.raw.split == "val" for each in sounds)
    return AudioDataset(sets[0], sets[1], findings, sets[2] if len(sets[2]) else None, has_val)


def load_unlabelled(source: str, limit: int | None = None) -> tuple[AudioSet, AudioFindings]:
    """Return all sounds of a file or folder without labels, and the findings.

    Raises:
        InputError: nothing there, or nothing that can be decoded.
    """
    import_soundfile()
    findings, root = AudioFindings(source, "sounds"), Path(source)
    with confine(source):
        files = [root] if root.is_file() else list(files_under(root)) if root.is_dir() else []
        names = [str(file.relative_to(root)) if root.is_dir() else file.name for file in files]
        pairs = zip(files, names, strict=True)
        raw = [RawSound(file, name, None) for file, name in pairs if file.suffix.lower() in SUFFIXES]
        checked = (check.check(each, findings) for each in raw[:limit])
        sounds = [_to_example(each, None) for each in checked if each]
    if not sounds:
        broken = f", {findings.counts['broken']} broken" if findings.counts["broken"] else ""
        raise InputError(
            f"'{source}' holds no sounds that can be used{broken}: expected {', '.join(SUFFIXES[:6])}"
        )
    return AudioSet("all", (), tuple(sounds)), findings


def _read(source: str, format: str | None, pattern: str, findings: AudioFindings) -> list[RawSound]:
    with confine(source):
        return sources.read(source, format, pattern, findings)


def _map_labels(
    raw: Sequence[RawSound], class_map: Mapping[str, str], findings: AudioFindings
) -> list[RawSound]:
    kept = []
    for each in raw:
        label = None if each.label is None else class_map.get(each.label, each.label)
        if label is None:
            findings.add("no label", each.place)
        elif label == IGNORE:
            findings.add("dropped class", each.place)
        else:
            kept.append(replace(each, label=label))
    if not kept:
        raise InputError(
            f"'{findings.source}' has no labels: give a folder for each class, or a CSV with columns path and label"
        )
    return kept


def _split(
    sounds: Sequence[CheckedSound], split_by: str, findings: AudioFindings
) -> tuple[list[CheckedSound], list[CheckedSound], list[CheckedSound]]:
    pool = [each for each in sounds if each.raw.split in ("", "train")]
    val, test = ([each for each in sounds if each.raw.split == name] for name in ("val", "test"))
    if val or not pool:
        return pool, val, test
    groups = {each.raw.group for each in pool} - {""}
    if split_by == "group" and not groups:
        raise InputError(
            f"--split-by group: '{findings.source}' has no groups: add a column speaker, or give a "
            "--name-pattern with {speaker}"
        )
    by_group = split_by == "group" or (split_by == "auto" and len(groups) >= LEAST_GROUPS)
    keys = [(each.raw.group or each.digest) if by_group else each.digest for each in pool]
    shares = {key: fraction_of(key) for key in keys}
    # With few groups none may fall below the share: the lowest is held out then.
    limit = max(VAL_SHARE, min(shares.values()) + 1e-12)
    train = [each for each, key in zip(pool, keys, strict=True) if shares[key] >= limit]
    return train, [each for each, key in zip(pool, keys, strict=True) if shares[key] < limit], test


def _class_names(train: Sequence[CheckedSound], classes: Sequence[str]) -> tuple[str, ...]:
    found = sorted({str(each.raw.label) for each in train})
    for name in classes:
        if name not in found:
            raise unknown("class of the sounds", name, found)
    return tuple(classes) or tuple(found)


def _is_trained(sound: CheckedSound, names: Sequence[str], findings: AudioFindings) -> bool:
    if sound.raw.label not in names:
        findings.add("dropped class", sound.raw.place)
    return sound.raw.label in names


def _require_sounds(sides: Sequence[Sequence[CheckedSound]], is_whole: bool, findings: AudioFindings) -> None:
    if (is_whole and any(sides)) or (len(sides[0]) >= 2 and sides[1]):
        return
    lost = [
        findings.line(kind) for kind in ("broken", "empty", "missing", "duplicate") if findings.counts[kind]
    ]
    raise InputError(
        f"'{findings.source}' gives {len(sides[0])} sounds to train on and {len(sides[1])} to validate"
        f"{' (' + '; '.join(lost) + ')' if lost else ''}: give more, or --val"
    )


def _take(sounds: Sequence[CheckedSound], limit: int | None) -> list[CheckedSound]:
    if limit is None or limit >= len(sounds):
        return list(sounds)
    order = sorted(range(len(sounds)), key=lambda row: sounds[row].digest)
    return [sounds[row] for row in sorted(order[:limit])]


def _to_example(sound: CheckedSound, target: np.ndarray | None) -> AudioExample:
    raw = sound.raw
    return AudioExample(
        str(raw.file), target, raw.place, raw.group, sound.seconds, sound.level_db, sound.snr_db
    )


def _to_set(split: str, sounds: Sequence[CheckedSound], names: tuple[str, ...]) -> AudioSet:
    targets = np.eye(len(names), dtype=np.float32)
    examples = (_to_example(each, targets[names.index(str(each.raw.label))]) for each in sounds)
    return AudioSet(split, names, tuple(examples))


def _describe(sets: Sequence[AudioSet], findings: AudioFindings) -> None:
    findings.sizes = {each.split: len(each) for each in sets if len(each)}
    counts = np.sum([np.zeros(len(sets[0].class_names)), *(e.target for e in sets[0].examples)], axis=0)
    findings.classes = {name: int(count) for name, count in zip(sets[0].class_names, counts, strict=True)}
    groups = {each.split: len({e.group for e in each.examples} - {""}) for each in sets if len(each)}
    findings.groups = groups if any(groups.values()) else {}
    seconds = [example.seconds for each in sets for example in each.examples]
    findings.seconds = {"median": statistics.median(seconds), "longest": max(seconds), "sum": sum(seconds)}
