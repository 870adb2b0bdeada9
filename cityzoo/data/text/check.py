"""Check texts: empty ones, copies, contradictions, typos in labels, scripts, personal data."""

from __future__ import annotations

import difflib
import re
import statistics
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import replace

from cityzoo.data.text.findings import TextFindings
from cityzoo.data.text.formats import RawText
from cityzoo.data.text.language import guess_language
from cityzoo.data.text.personal_data import mask_text
from cityzoo.data.text.tags import map_types, spans_of, to_bio

LONGEST = 20_000  # characters
# Control characters but tab and line breaks, and marks that turn the direction of writing.
REMOVED = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
ALIKE = 0.9  # similarity of two labels that may be one
RARE = 0.1  # share of the more frequent label's texts below which the other is suspected


def clean(raw: RawText, findings: TextFindings) -> RawText | None:
    """Return a text without control characters and of bounded length; None for an empty one."""
    if REMOVED.search(raw.text):
        findings.add("control", raw.place)
        raw = replace(
            raw,
            text=REMOVED.sub("", raw.text),
            words=tuple(REMOVED.sub("", word) or "?" for word in raw.words),
        )
    if not raw.text.strip():
        findings.add("empty", raw.place)
        return None
    if len(raw.text) > LONGEST:
        findings.add("long", raw.place)
        raw = replace(raw, text=raw.text[:LONGEST])
    return raw


def clean_tags(raw: RawText, class_map: Mapping[str, str], findings: TextFindings) -> RawText:
    """Return a tagged text with BIO tags of mapped types; its labels are the types that it has."""
    tags, repaired = to_bio(raw.tags)
    if repaired:
        findings.add("broken tags", raw.place, repaired)
    tags = map_types(tags, class_map, ("ignore",)) if class_map else tags
    labels = sorted({span.type for span in spans_of(tags)})
    return replace(raw, tags=tags, labels=tuple(labels))


def keep_types(raw: RawText, known: Container[str], findings: TextFindings) -> RawText:
    """Return a tagged text without entities of types that are not trained, which are counted."""
    strange = {span.type for span in spans_of(raw.tags)}
    strange = {name for name in strange if name not in known}
    for name in sorted(strange):
        findings.add("dropped type", f"{raw.place}: {name}")
    return replace(raw, tags=map_types(raw.tags, {}, strange)) if strange else raw


def normalize(text: str) -> str:
    """Return what equal texts have in common: no case, marks or spaces.

    Example:
        >>> normalize("  The BUS,  is late!! ") == normalize("the bus is late")
        True
    """
    return " ".join(re.findall(r"\w+", unicodedata.normalize("NFKC", text).lower())) or text


def remove_copies(texts: Sequence[RawText], findings: TextFindings) -> list[RawText]:
    """Keep one of equal texts of a split; where their labels differ, the most frequent one."""
    groups: dict[tuple[str, str], list[RawText]] = defaultdict(list)
    for each in texts:
        groups[each.split, normalize(each.text)].append(each)
    kept = []
    for same in groups.values():
        votes = Counter((each.labels, each.tags) for each in same)
        chosen = next(each for each in same if (each.labels, each.tags) == votes.most_common(1)[0][0])
        kind = "contradiction" if len(votes) > 1 else "duplicate"
        for each in same:
            if each is not chosen:
                findings.add(kind, f"{chosen.place} and {each.place}")
        kept.append(chosen)
    return kept


def remove_shared(train: Sequence[RawText], val: Sequence[RawText], findings: TextFindings) -> list[RawText]:
    """Return the texts of val that train does not have."""
    known = {normalize(each.text): each.place for each in train}
    kept = []
    for each in val:
        twin = known.get(normalize(each.text))
        if twin is None:
            kept.append(each)
        else:
            findings.add("across splits", f"{twin} and {each.place}")
    return kept


def find_similar_labels(counts: Counter[str], findings: TextFindings) -> None:
    """Report rare labels that resemble a frequent one.

    Example:
        >>> findings = TextFindings("a.csv", "csv")
        >>> find_similar_labels(Counter({"pothole": 90, "potholle": 2, "noise": 70}), findings)
        >>> findings.first["similar labels"]
        ['potholle (2) and pothole (90)']
    """
    for name, count in counts.items():
        for other, more in counts.items():
            if (
                0 < count <= RARE * more
                and difflib.SequenceMatcher(None, name.lower(), other.lower()).ratio() >= ALIKE
            ):
                findings.add("similar labels", f"{name} ({count}) and {other} ({more})")


def describe(texts: Iterable[RawText], findings: TextFindings) -> None:
    """Put down lengths, languages and personal data."""
    lengths, languages = [], Counter[str]()
    for each in texts:
        lengths.append(len(each.text.split()))
        languages[guess_language(each.text)] += 1
        if mask_text(each.text) != each.text:
            findings.add("personal", each.place)
    if lengths:
        findings.words = {"median": round(statistics.median(lengths)), "most": max(lengths)}
        findings.languages = dict(languages.most_common())
