"""Traffic reports: what happened (several classes) and where, in which direction and when (tags of words)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cityzoo.data.text.check import normalize
from cityzoo.demo.texts import LANGUAGES, OUTSIDE, SPLITS, VERSION, read_templates, write_table
from cityzoo.demo.texts.typing_errors import type_words
from cityzoo.demo.write import write_once

EVENTS = ("accident", "congestion", "road_closed", "roadworks", "flooding", "vehicle_breakdown")
TAGS = ("road", "place", "direction", "time")
COUNTS = {"train": 250, "val": 60, "test": 60}  # reports in a language
SECOND = 0.45  # of the reports of an event name what it leads to
SEPARATOR = ";"  # between the classes of a report


@dataclass(frozen=True)
class Report:
    """A traffic report."""

    words: tuple[str, ...]
    tags: tuple[str, ...]  # BIO, one for each word
    labels: tuple[str, ...]  # (): nothing is wrong
    language: str

    @property
    def text(self) -> str:
        """The words as a sentence."""
        return re.sub(r" ([,.])", r"\1", " ".join(self.words))


def make_reports(split: str, seed: int = 0) -> list[Report]:
    """Return the reports of a split; templates, roads and places of train are not used in val and test.

    Args:
        split: train, val or test.
        seed: 0 or more; equal seeds give equal reports.

    Example:
        >>> report = make_reports("train")[2]
        >>> report.text, report.labels
        ('A7 is clear again southbound', ())
        >>> report.tags
        ('B-road', 'O', 'O', 'O', 'B-direction')
    """
    rng = np.random.default_rng([seed, SPLITS.index(split)])
    templates = read_templates("reports")
    seen: set[str] = set()
    reports: list[Report] = []
    for language in LANGUAGES:
        count = len(reports) + COUNTS[split]
        while len(reports) < count:
            report = make_report(templates[language], split, language, rng)
            if normalize(report.text) not in seen:
                reports.append(report)
                seen.add(normalize(report.text))
    return reports


def make_report(
    words: dict[str, Any],
    split: str,
    language: str,
    rng: np.random.Generator,
    event: str = "",
    given: Mapping[str, str] | None = None,
) -> Report:
    """Return a report from the templates of a language.

    Args:
        words: templates, and roads, places, directions and times to fill them with.
        split: train, val or test.
        language: of the templates.
        rng: draws everything that is not given.
        event: what happened, of EVENTS, or OUTSIDE; "": any.
        given: words for some of TAGS.
    """
    values = {
        name: rng.choice(words[name]["train" if split == "train" else "held_out"]).item() for name in TAGS
    }
    values |= given or {}
    first = event or str(rng.choice((*EVENTS, OUTSIDE)))
    template = rng.choice(words[first][split])
    labels = [] if first == OUTSIDE else [first]
    second = str(rng.choice([*words["then"]]))
    if labels and first != second and rng.random() < SECOND:
        used = [name for name in TAGS if f"{{{name}}}" in template]
        clauses = [
            each for each in words["then"][second][split] if not any(f"{{{name}}}" in each for name in used)
        ]
        if clauses:
            template = f"{template}, {rng.choice(clauses)}"
            labels.append(second)
    found, tags = fill_in(template, values)
    return Report(
        tuple(type_words(found, rng)), tuple(tags), tuple(n for n in EVENTS if n in labels), language
    )


def fill_in(template: str, values: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """Return the words of a template and their BIO tags.

    Example:
        >>> fill_in("jam on {road}, near {place}", {"road": "Mill Lane", "place": "Oakfield"})
        (['jam', 'on', 'Mill', 'Lane', ',', 'near', 'Oakfield'], ['O', 'O', 'B-road', 'I-road', 'O', 'O', 'B-place'])
    """
    words: list[str] = []
    tags: list[str] = []
    for part in re.split(r"(\{\w+\})", template):
        name = part.strip("{}") if part.startswith("{") else ""
        new = values[name].split() if name else re.findall(r"[^\s,]+|,", part)
        words += new
        tags += [f"{'I' if place else 'B'}-{name}" if name else "O" for place in range(len(new))]
    return words, tags


def write_classes(folder: Path, seed: int = 0) -> Path:
    """Write train.csv, val.csv and test.csv once: text, label (several, separated by ;), language; return the folder.

    Raises:
        InputError: the folder has other content.
    """

    def fill(draft: Path) -> None:
        for split in SPLITS:
            rows = (
                (each.text, SEPARATOR.join(each.labels) or OUTSIDE, each.language)
                for each in make_reports(split, seed)
            )
            write_table(draft / f"{split}.csv", ("text", "label", "language"), rows)

    return write_once(Path(folder), {"demo": "traffic_reports", "version": VERSION, "seed": seed}, fill)


def write_tags(folder: Path, seed: int = 0) -> Path:
    """Write train.conll, val.conll and test.conll once, a word and its tag per line; return the folder.

    Raises:
        InputError: the folder has other content.
    """

    def fill(draft: Path) -> None:
        for split in SPLITS:
            text = "\n".join(_lines(make_reports(split, seed)))
            (draft / f"{split}.conll").write_text(text + "\n", encoding="utf-8")

    return write_once(Path(folder), {"demo": "report_tags", "version": VERSION, "seed": seed}, fill)


def _lines(reports: Sequence[Report]) -> Iterable[str]:
    for report in reports:
        yield from (f"{word}\t{tag}" for word, tag in zip(report.words, report.tags, strict=True))
        yield ""
