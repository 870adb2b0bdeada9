"""JSON and JSONL: lists of objects or of (text, label) pairs, by split or not: Hugging Face, CLINC150."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from cityzoo.data.text.findings import TextFindings
from cityzoo.data.text.formats import SPLITS, Columns, RawText, parse_labels
from cityzoo.data.text.formats.conll import TAG
from cityzoo.data.text.formats.decode import read_text
from cityzoo.data.text.formats.table import GROUP_NAMES, LABEL_NAMES, SPLIT_NAMES, TEXT_NAMES
from cityzoo.data.text.tags import Span, split_words, tags_of, words_of_characters
from cityzoo.errors import InputError, unknown

WORD_NAMES, TAG_NAMES, ENTITY_NAMES = (
    ("tokens", "words"),
    ("tags", "ner_tags", "labels"),
    ("entities", "spans"),
)
WRAPPERS = ("data", "examples", "rows", "common_examples", "sentences")


def read(file: Path, split: str, columns: Columns, findings: TextFindings) -> Iterator[RawText]:
    """Yield the texts of a file.

    Raises:
        InputError: not JSON, or records without a text.
    """
    content = read_text(file, findings)
    if file.suffix.lower() in (".jsonl", ".ndjson"):
        records = []
        for number, line in enumerate(content.splitlines(), 1):
            if line.strip():
                records.append(_parse(line, f"{file}' line {number}"))
        yield from _read_list(records, split, file, columns, findings)
        return
    parsed = _parse(content, f"{file}'")
    if isinstance(parsed, list) and all(isinstance(each, str) for each in parsed):  # names of classes
        findings.add("unused file", file.name)
        return
    for key, part, records in _parts(parsed, split, file, findings):
        for each in _read_list(records, part, file, columns, findings, key):
            yield replace(each, labels=()) if key.lower().startswith("oos_") else each


def _parse(text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"'{where} is not JSON ({str(error)[:120]}): correct it") from error


def _parts(
    content: Any, split: str, file: Path, findings: TextFindings
) -> Iterator[tuple[str, str, list[Any]]]:
    """Yield key, split and records of the lists of a file; those outside of all classes are named oos_SPLIT."""
    if isinstance(content, list):
        yield "", split, content
        return
    lists = (
        {key: value for key, value in content.items() if isinstance(value, list)}
        if isinstance(content, dict)
        else {}
    )
    named = {key: SPLITS.get(key.lower().removeprefix("oos_")) for key in lists}
    for key, records in lists.items():
        if named[key] or key.lower() in WRAPPERS:
            yield key, named[key] or split, records
        else:
            findings.add("unused column", f"{file.name}: {key}")


def _read_list(
    records: list[Any], split: str, file: Path, columns: Columns, findings: TextFindings, key: str = ""
) -> Iterator[RawText]:
    keys: dict[str, str] = {}
    for number, record in enumerate(records, 1):
        place = f"{file.name}:{key}:{number}" if key else f"{file.name}:{number}"
        if isinstance(record, list) and len(record) == 2 and isinstance(record[1], dict):
            record = {"text": record[0], **record[1]}  # spaCy's pairs
        if isinstance(record, (list, tuple)) and len(record) == 2 and isinstance(record[0], str):
            yield RawText(record[0].strip(), parse_labels(record[1], columns.separator), place, split)
            continue
        if not isinstance(record, dict):
            raise InputError(
                f"'{file}' record {number} is neither an object nor a pair of text and label: correct it"
            )
        if not keys:
            keys = _find_keys(record, columns, str(file))
            for name in record.keys() - set(keys.values()):
                findings.add("unused column", f"{file.name}: {name}")
        part = SPLITS.get(str(record.get(keys.get("split", ""), "")).lower(), split)
        group = str(record.get(keys.get("group", ""), ""))
        if keys["text"] in WORD_NAMES:
            yield _tagged(record, keys, place, part, group)
            continue
        text = record.get(keys["text"])
        if not isinstance(text, str):
            raise InputError(f"'{file}' record {number} has no text under '{keys['text']}': correct it")
        labels = parse_labels(record.get(keys.get("label", "")), columns.separator)
        if "entities" in keys:
            yield _with_entities(text, record.get(keys["entities"]) or [], place, part, group, findings)
            continue
        yield RawText(text.strip(), labels, place, part, group=group)


def _find_keys(record: dict[str, Any], columns: Columns, where: str) -> dict[str, str]:
    found = {}
    is_tagged = any(isinstance(record.get(name), list) for name in WORD_NAMES)
    kinds = (
        ("text", columns.text, WORD_NAMES if is_tagged else TEXT_NAMES),
        ("label", columns.label, TAG_NAMES if is_tagged else LABEL_NAMES),
        ("entities", "", () if is_tagged else ENTITY_NAMES),
        ("split", "", SPLIT_NAMES), ("group", columns.group, GROUP_NAMES),
    )  # fmt: skip
    for kind, given, names in kinds:
        if given and given not in record:
            raise unknown(f"key of '{where}'", given, record)
        name = given or next((key for each in names for key in record if key.lower() == each), "")
        if name:
            found[kind] = name
    if "text" not in found:
        raise InputError(f"'{where}' has the keys {', '.join(record)[:200]}: give --text-column")
    return found


def _tagged(record: dict[str, Any], keys: dict[str, str], place: str, split: str, group: str) -> RawText:
    words, tags = record.get(keys["text"]), record.get(keys.get("label", ""), [])
    if not isinstance(words, list) or not isinstance(tags, list) or len(words) != len(tags):
        counts = [len(each) if isinstance(each, list) else 0 for each in (words, tags)]
        raise InputError(f"'{place}' has {counts[0]} words and {counts[1]} tags: give one tag for each word")
    strange = next((tag for tag in tags if not TAG.fullmatch(str(tag))), None)
    if strange is not None:
        raise InputError(f"'{place}' has the tag '{strange}': expected O, or names such as B-road and I-road")
    words = tuple("".join(str(word).split()) or "?" for word in words)
    return RawText(" ".join(words), None, place, split, words, tuple(tags), group)


def _with_entities(
    text: str, entities: list[Any], place: str, split: str, group: str, findings: TextFindings
) -> RawText:
    """Return a text whose entities are given by characters, as words with tags."""
    spans = []
    for each in entities:
        try:
            start, end, name = (each["start"], each["end"], each["label"]) if isinstance(each, dict) else each
            spans.append(Span(int(start), int(end), str(name)))
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(
                f"'{place}' has the entity {str(each)[:80]}: expected start, end and label, in characters"
            ) from error
        if not 0 <= spans[-1].start < spans[-1].end <= len(text):
            raise InputError(
                f"'{place}' has the entity {str(each)[:80]}, but {len(text)} characters: correct it"
            )
    words = split_words(text)
    inside, moved = words_of_characters(text, words, spans)
    if moved:
        findings.add("moved", place, moved)
    return RawText(text, None, place, split, words, tags_of(inside, len(words)), group)
