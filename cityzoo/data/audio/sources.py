"""Where sounds and their labels are: tables, a folder for each class, or names of files."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cityzoo.data.audio.decode import SUFFIXES
from cityzoo.data.audio.findings import AudioFindings
from cityzoo.data.files import OWN_FILES, files_under, is_allowed, open_text
from cityzoo.data.text.findings import TextFindings
from cityzoo.data.text.formats import SPLITS, Columns, split_of, table
from cityzoo.errors import InputError, unknown

FORMATS = ("csv", "folders", "names")
PATH_NAMES = ("path", "file", "filename", "file_name", "audio", "clip", "wav", "fname")
GROUP_NAMES = ("group", "speaker", "speaker_id", "client_id", "recording", "session", "device")
SPEECH_LIKE = "{label}_{speaker}_{number}"
IGNORED = ("license", "licence", "readme.md", "readme.txt", "metadata.json")


@dataclass(frozen=True)
class RawSound:
    """A sound as a source has it."""

    file: Path
    place: str  # path within the source
    label: str | None  # None: the source has none
    split: str = ""  # train, val, test, or "": not given
    group: str = ""


def read(source: str, format: str | None, pattern: str, findings: AudioFindings) -> list[RawSound]:
    """Find all sounds of a source with their labels.

    Args:
        source: a table, or a folder.
        format: csv, folders or names; None: found by what is there.
        pattern: of file names, such as "{label}_{speaker}_{number}"; "": found by the names.
        findings: what is not used is counted there.

    Raises:
        InputError: nothing there, or labels that cannot be found.
    """
    if format is not None and format not in FORMATS:
        raise unknown("format of sounds", format, FORMATS)
    root = Path(source)
    if not root.exists():
        raise InputError(
            f"'{source}' does not exist: give a folder of sounds, or a CSV with columns path and label"
        )
    files = [root] if root.is_file() else [each for each in files_under(root) if each.name not in OWN_FILES]
    tables = [file for file in files if file.suffix.lower() in (".csv", ".tsv")]
    sounds = [file for file in files if file.suffix.lower() in SUFFIXES]
    if tables and format in (None, "csv") and not pattern:
        findings.format = "csv"
        return [each for file in tables for each in _read_table(file, findings)]
    _count_unused(root, [file for file in files if file not in set(sounds)], findings)
    if not sounds:
        raise InputError(
            f"'{source}' holds no sounds: expected {', '.join(SUFFIXES[:6])}, or a CSV with columns path and label"
        )
    if not pattern and format in (None, "folders") and _has_class_folders(root, sounds):
        findings.format = "folders"
        return [_of_folder(root, file) for file in sounds]
    findings.format = "names"
    findings.named_by = pattern or SPEECH_LIKE
    return _read_names(root, sounds, findings)


def _count_unused(root: Path, files: Sequence[Path], findings: AudioFindings) -> None:
    for file in files:
        if file.name.lower() not in IGNORED:
            findings.add("unused file", str(file.relative_to(root)) if root.is_dir() else file.name)


def _has_class_folders(root: Path, sounds: Sequence[Path]) -> bool:
    return len({file.parent.name for file in sounds if file.parent != root} - set(SPLITS)) >= 2


def _of_folder(root: Path, file: Path) -> RawSound:
    parts = file.relative_to(root).parts
    split = next((SPLITS[part.lower()] for part in parts[:-1] if part.lower() in SPLITS), "")
    return RawSound(file, "/".join(parts), parts[-2] if len(parts) > 1 else None, split)


def _read_names(root: Path, sounds: Sequence[Path], findings: AudioFindings) -> list[RawSound]:
    pattern, found = compile_pattern(findings.named_by), []
    for file in sounds:
        match = pattern.fullmatch(file.stem)
        groups = match.groupdict() if match else {}
        place = str(file.relative_to(root)) if root.is_dir() else file.name
        split = SPLITS.get(file.parent.name.lower(), "")
        found.append(RawSound(file, place, groups.get("label"), split, groups.get("group", "")))
    if not any(each.label for each in found):
        raise InputError(
            f"'{findings.source}' has neither a folder for each class nor a CSV, and names such as "
            f"'{sounds[0].name}' are not {findings.named_by}: give --name-pattern, e.g. "
            "'{label}-{speaker}-{number}'"
        )
    return found


def compile_pattern(pattern: str) -> re.Pattern[str]:
    """Return a regular expression for file names without their suffix.

    Args:
        pattern: text with names in braces: {label}, {speaker} or {group}, {number} for digits, others for anything.

    Raises:
        InputError: no {label} in it.

    Example:
        >>> compile_pattern("{label}_{speaker}_{number}").fullmatch("7_theo_12").groupdict()
        {'label': '7', 'group': 'theo'}
    """
    if "{label}" not in pattern:
        raise InputError(f"--name-pattern '{pattern}' has no {{label}}: give e.g. '{SPEECH_LIKE}'")
    named = {
        "label": "(?P<label>.+?)",
        "speaker": "(?P<group>.+?)",
        "group": "(?P<group>.+?)",
        "number": r"\d+",
    }
    parts = re.split(r"\{(\w+)\}", pattern)
    try:
        return re.compile(
            "".join(
                named.get(part, ".+?") if place % 2 else re.escape(part) for place, part in enumerate(parts)
            )
        )
    except re.error as error:
        raise InputError(
            f"--name-pattern '{pattern}' names something twice ({error}): name each once"
        ) from error


def _read_table(file: Path, findings: AudioFindings) -> list[RawSound]:
    """Return the sounds that a table names, relative to its folder."""
    with open_text(file, errors="replace") as opened:
        header = [name.strip(" \"'\r\n").lower() for name in re.split("[,;\t|]", opened.readline())]
    path, group = (
        next((name for name in names if name in header), "") for names in (PATH_NAMES, GROUP_NAMES)
    )
    if not path:
        raise InputError(
            f"'{file}' has the columns {', '.join(header)[:200]}: name the one of the files 'path'"
        )
    kept = TextFindings(findings.source, "csv")
    found = []
    for row in table.read(file, split_of(file), Columns(text=path, group=group), kept):
        sound = file.parent / row.text
        if not is_allowed(sound) or not sound.is_file():
            findings.add("missing", f"{row.place}: {row.text}")
            continue
        label = row.labels[0] if row.labels else None
        found.append(RawSound(sound, row.text, label, row.split, row.group))
    for place in kept.first.get("unused column", []):
        findings.add("unused column", place)
    if not found and findings.first.get("missing"):
        raise InputError(
            f"none of the sounds that '{file}' names is a file inside the data's folder, e.g. "
            f"{findings.first['missing'][0]}: correct the paths, or allow other folders with --allow-outside"
        )
    return found
