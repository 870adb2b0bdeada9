"""Cut Markdown, text and HTML documents into passages at headings and paragraphs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser

ENDINGS = (".md", ".markdown", ".txt", ".html", ".htm")
LONGEST = 800  # characters of a passage that paragraphs are joined to, and at which long ones are cut
HEADING = re.compile(r"(#{1,6})\s+(.*?)\s*#*\s*")
FENCE = re.compile(r"\s*(```|~~~)")
SENTENCE_END = re.compile(r"(?<=[.!?。؟])\s+")
HIDDEN = ("script", "style", "template", "noscript", "svg", "nav")
BLOCKS = (
    "p",
    "div",
    "li",
    "ul",
    "ol",
    "table",
    "tr",
    "section",
    "article",
    "br",
    "dd",
    "dt",
    "blockquote",
    "pre",
    "td",
)


def cut_document(text: str, ending: str) -> Iterator[tuple[str, str]]:
    """Yield the passages of a document with their headings: "Waste > Bulky waste", "" above the first one.

    Args:
        text: of the document.
        ending: of its file, one of `ENDINGS`; a "#" at the start of a line is no heading in plain text.

    Example:
        >>> list(cut_document("# Waste\\nIn bins.\\n## Bulky\\nCall 115.\\n\\nIt is free.", ".md"))
        [('Waste', 'In bins.'), ('Waste > Bulky', 'Call 115.\\n\\nIt is free.')]
    """
    if ending in (".html", ".htm"):
        parser = _HtmlText()
        parser.feed(text)
        parser.close()
        text = "".join(parser.parts)
    for heading, lines in _sections(text, has_headings=ending != ".txt"):
        yield from ((heading, passage) for passage in _join(_paragraphs(lines)))


class _HtmlText(HTMLParser):
    """Collects the visible text of a page, with headings as in Markdown."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []
        self._hidden: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in HIDDEN:
            self._hidden.append(tag)
        elif re.fullmatch("h[1-6]", tag):
            self.parts.append(f"\n\n{'#' * int(tag[1])} ")
        elif tag in BLOCKS:
            self.parts.append("\n\n")

    def handle_endtag(self, tag: str) -> None:
        if self._hidden and tag == self._hidden[-1]:
            self._hidden.pop()
        elif tag in BLOCKS or re.fullmatch("h[1-6]", tag):
            self.parts.append("\n\n")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.parts.append(re.sub(r"\s+", " ", data))


def _sections(text: str, has_headings: bool) -> Iterator[tuple[str, list[str]]]:
    """Yield the lines below each heading, with the path of headings."""
    path: list[tuple[int, str]] = []
    lines: list[str] = []
    is_code = False
    for line in text.splitlines():
        is_code ^= bool(FENCE.match(line))
        found = HEADING.fullmatch(line) if has_headings and not is_code else None
        if not found:
            lines.append(line.rstrip())
            continue
        yield " > ".join(name for _, name in path), lines
        level = len(found[1])
        path, lines = [*(each for each in path if each[0] < level), (level, found[2])], []
    yield " > ".join(name for _, name in path), lines


def _paragraphs(lines: list[str]) -> Iterator[str]:
    """Yield what stands between blank lines; longer than a passage: its sentences."""
    for paragraph in re.split(r"\n\s*\n", "\n".join(lines)):
        if len(paragraph) <= LONGEST:
            yield paragraph.strip()
            continue
        part = ""
        for sentence in SENTENCE_END.split(paragraph.strip()):
            if part and len(part) + len(sentence) >= LONGEST:
                yield part
                part = ""
            part = f"{part} {sentence}".strip()
        yield part


def _join(paragraphs: Iterator[str]) -> Iterator[str]:
    """Yield passages of one or several short paragraphs."""
    passage = ""
    for paragraph in filter(None, paragraphs):
        if passage and len(passage) + len(paragraph) >= LONGEST:
            yield passage
            passage = ""
        passage = f"{passage}\n\n{paragraph}".strip()
    if passage:
        yield passage
