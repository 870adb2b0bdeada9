"""Tags of words: BIO from other schemes, entities as spans, words with character offsets. Standard library only."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Mapping, Sequence
from typing import NamedTuple

OUTSIDE = "O"
FIRST = {"U": "B", "S": "B", "L": "I", "E": "I"}  # of BILOU and BIOES, as BIO has them
WORD = re.compile(r"\w+(?:['’]\w+)*|[^\w\s]")


class Span(NamedTuple):
    """An entity: words or characters from `start` to `end`, exclusive."""

    start: int
    end: int
    type: str


def to_bio(tags: Sequence[str]) -> tuple[tuple[str, ...], int]:
    """Return BIO tags for BIO, BILOU or BIOES ones, and how many were repaired.

    An inner tag without a tag of its type before it begins an entity (Tjong Kim Sang and Veenstra, EACL 1999, call
    that scheme IOB1).

    Example:
        >>> to_bio(["B-road", "L-road", "U-place", "O", "I-road"])
        (('B-road', 'I-road', 'B-place', 'O', 'B-road'), 1)
    """
    found: list[str] = []
    repaired = 0
    for tag in tags:
        part, _, kind = tag.partition("-")
        part = FIRST.get(part, part)
        if part == "I" and (not found or found[-1][2:] != kind):
            part, repaired = "B", repaired + 1
        found.append(f"{part}-{kind}" if kind else OUTSIDE)
    return tuple(found), repaired


def spans_of(tags: Sequence[str]) -> list[Span]:
    """Return the entities of BIO tags, in words.

    Example:
        >>> spans_of(["B-road", "I-road", "O", "B-place", "B-place"])
        [Span(start=0, end=2, type='road'), Span(start=3, end=4, type='place'), Span(start=4, end=5, type='place')]
    """
    found: list[Span] = []
    for place, tag in enumerate(tags):
        if tag.startswith("I-"):
            found[-1] = found[-1]._replace(end=place + 1)
        elif tag != OUTSIDE:
            found.append(Span(place, place + 1, tag[2:]))
    return found


def tags_of(spans: Iterable[Span], count: int) -> tuple[str, ...]:
    """Return the BIO tags of entities in words; of overlapping ones the longest, then the first.

    Example:
        >>> tags_of([Span(1, 3, "road"), Span(2, 3, "place")], 4)
        ('O', 'B-road', 'I-road', 'O')
    """
    tags = [OUTSIDE] * count
    for span in sorted(spans, key=lambda each: (each.start - each.end, each.start)):
        if set(tags[span.start : span.end]) == {OUTSIDE}:
            tags[span.start : span.end] = [f"B-{span.type}"] + [f"I-{span.type}"] * (
                span.end - span.start - 1
            )
    return tuple(tags)


def map_types(tags: Sequence[str], names: Mapping[str, str], dropped: Container[str] = ()) -> tuple[str, ...]:
    """Return BIO tags with other names of their types; what is dropped becomes "O".

    Example:
        >>> map_types(["B-ST", "I-ST", "B-OTHR"], {"ST": "road", "OTHR": "ignore"}, dropped=("ignore",))
        ('B-road', 'I-road', 'O')
    """
    spans = [span._replace(type=names.get(span.type, span.type)) for span in spans_of(tags)]
    return tags_of([span for span in spans if span.type not in dropped], len(tags))


def split_words(text: str) -> tuple[str, ...]:
    """Return words, numbers and single marks of a text.

    Example:
        >>> split_words("A9 closed, don't go!")
        ('A9', 'closed', ',', "don't", 'go', '!')
    """
    return tuple(WORD.findall(text))


def word_offsets(text: str, words: Sequence[str]) -> list[tuple[int, int]]:
    """Return the characters of each word, from `start` to `end`, exclusive.

    Example:
        >>> word_offsets("to to A9", ["to", "to", "A9"])
        [(0, 2), (3, 5), (6, 8)]
    """
    found, end = [], 0
    for word in words:
        start = max(text.find(word, end), end)
        end = start + len(word)
        found.append((start, end))
    return found


def words_of_characters(text: str, words: Sequence[str], spans: Iterable[Span]) -> tuple[list[Span], int]:
    """Return entities in words for those in characters, and how many began or ended within a word.

    Example:
        >>> words_of_characters("jam on A9", ("jam", "on", "A9"), [Span(7, 9, "road"), Span(0, 2, "event")])
        ([Span(start=2, end=3, type='road'), Span(start=0, end=1, type='event')], 1)
    """
    places, found, moved = word_offsets(text, words), [], 0
    for span in spans:
        inside = [row for row, (start, end) in enumerate(places) if start < span.end and end > span.start]
        if inside:
            found.append(Span(inside[0], inside[-1] + 1, span.type))
            covered = text[places[inside[0]][0] : places[inside[-1]][1]]
            moved += covered != text[span.start : span.end].strip()
    return found, moved
