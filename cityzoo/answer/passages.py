"""Passages that answers are taken from: rows of tables with questions and answers, or parts of documents."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

from cityzoo.answer.documents import ENDINGS, cut_document
from cityzoo.data.files import confine, files_under
from cityzoo.data.text.check import LONGEST, REMOVED, normalize
from cityzoo.data.text.findings import TextFindings
from cityzoo.data.text.formats.decode import read_text
from cityzoo.data.text.formats.table import read_rows
from cityzoo.errors import InputError, unknown

COLUMNS = {
    "question": ("question", "title", "query", "text", "frage", "pregunta", "soru"),
    "answer": ("answer", "response", "reply", "passage", "content", "antwort", "respuesta", "cevap"),
    "key": ("id", "answer_id", "key", "intent", "label"),
    "source": ("source", "document", "file", "page"),
    "url": ("url", "link", "href"),
    "lang": ("lang", "language", "locale"),
}
TABLES, RECORDS = (".csv", ".tsv"), (".json", ".jsonl", ".ndjson")
WRAPPERS = ("data", "faq", "faqs", "questions", "items", "rows", "passages")
KINDS = {
    "unused file": "files that are not used",
    "unused column": "columns that are not used",
    "empty": "rows without an answer, left out",
    "long": "answers longer than 20,000 characters, cut",
    "encoding": "files that are not UTF-8, read as Windows-1252 or UTF-16",
    "replaced": "characters that could not be decoded, replaced",
    "control": "rows with control or direction characters, which were removed",
    "duplicate": "passages that occur several times, kept once",
    "contradiction": "equal questions with different answers (kept)",
}


class FaqFindings(TextFindings):
    """What the check of passages found."""

    kinds: ClassVar[Mapping[str, str]] = KINDS
    unused: ClassVar[Collection[str]] = ("unused file",)

    def header(self) -> list[str]:
        """Return the number of passages and answers."""
        return [", ".join(f"{count} {name}" for name, count in self.sizes.items())]


@dataclass(frozen=True)
class Passage:
    """A stored answer, and the question or heading that it is found by."""

    answer: str
    place: str  # file and row, or file and heading
    question: str = ""  # "": the passage is a part of a document
    heading: str = ""
    key: str = ""  # passages with equal keys give the same answer
    source: str = ""  # as the table names it
    url: str = ""
    lang: str = ""

    @property
    def title(self) -> str:
        """The question, the heading, or the first words of the answer."""
        return self.question or self.heading.rpartition(" > ")[2] or self.opening

    @property
    def opening(self) -> str:
        """The first words of the answer."""
        return " ".join(self.answer.split()[:10])

    @property
    def parts(self) -> tuple[str, ...]:
        """The texts that are encoded: question and answer, or the heading with the answer below it."""
        if self.question:
            return self.question, self.answer
        return (". ".join(filter(None, (self.heading, self.answer))),)

    @property
    def words(self) -> str:
        """The text whose words are indexed."""
        return " ".join(filter(None, (self.question, self.heading, self.answer)))

    @property
    def origin(self) -> str:
        """The source that the table names, or the file."""
        return self.source or re.split("[#:]", self.place)[0]

    @property
    def names(self) -> set[str]:
        """What questions with a known answer may call it by."""
        return {
            name for name in (self.key, self.question, self.source, self.url, self.place, self.origin) if name
        }


def read_passages(source: str, columns: Mapping[str, str | None]) -> tuple[list[Passage], FaqFindings]:
    """Read and check passages: cleaned, duplicates and empty ones left out.

    Args:
        source: CSV, TSV, JSON or JSONL file, Markdown, text or HTML file, or a folder of them.
        columns: names of the columns of questions, answers and keys, where they differ from the usual ones.

    Raises:
        InputError: nothing there, no passages, files that cannot be read, columns that are missing.
    """
    path, findings = Path(source), FaqFindings(source, "passages")
    if not path.exists():
        raise InputError(
            f"'{source}' does not exist: give --faq a CSV or JSON file with questions and answers, or a folder of "
            "Markdown, text or HTML files"
        )
    found: list[Passage] = []
    with confine(source):
        for file in [path] if path.is_file() else files_under(path):
            name = file.relative_to(path).as_posix() if path.is_dir() else file.name
            found += _read_file(file, name, columns, findings)
    kept = _check(found, findings)
    if not kept:
        raise InputError(
            f"'{source}' holds no passages: expected a table with the columns question and answer, or documents that "
            f"end in {', '.join(ENDINGS)}"
        )
    findings.sizes = {"passages": len(kept), "answers": len({each.key for each in kept})}
    return kept, findings


def _read_file(
    file: Path, name: str, columns: Mapping[str, str | None], findings: FaqFindings
) -> Iterator[Passage]:
    ending = file.suffix.lower()
    if ending in ENDINGS:
        for heading, text in cut_document(read_text(file, findings), ending):
            yield Passage(text, f"{name}#{heading}" if heading else name, heading=heading)
        return
    if ending not in (*TABLES, *RECORDS):
        findings.add("unused file", name)
        return
    places: dict[str, str] = {}
    for place, record in read_records(file, name, findings):
        if not places:
            places = _find_columns(list(record), columns, str(file))
            for column in record.keys() - set(places.values()):
                findings.add("unused column", f"{name}: {column}")
        fields = {kind: str(record.get(column) or "").strip() for kind, column in places.items()}
        yield Passage(**{"answer": "", **fields}, place=place)


def read_records(file: Path, name: str, findings: FaqFindings) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the place and the fields of each row of a table, or of each object of a JSON or JSONL file.

    Raises:
        InputError: rows of different lengths, or not JSON.
    """
    if file.suffix.lower() in TABLES:
        header, rows = read_rows(file, findings)
        for number, row in rows:
            yield f"{name}:{number}", dict(zip(header, row, strict=True))
        return
    content = read_text(file, findings)
    texts = [content] if file.suffix.lower() == ".json" else content.splitlines()
    for number, text in enumerate(texts, 1):
        if not text.strip():
            continue
        try:
            parsed = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise InputError(
                f"'{file}' line {number} is not JSON ({str(error)[:120]}): correct it"
            ) from error
        if isinstance(parsed, dict) and file.suffix.lower() == ".json":
            parsed = next((parsed[key] for key in WRAPPERS if isinstance(parsed.get(key), list)), [parsed])
        records = parsed if isinstance(parsed, list) else [parsed]
        for place_in_list, record in enumerate(records, 1):
            place = f"{name}:{place_in_list if len(texts) == 1 else number}"
            if not isinstance(record, dict):
                raise InputError(f"'{place}' is not an object with question and answer: correct it")
            yield place, record


def _find_columns(header: Sequence[str], columns: Mapping[str, str | None], where: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for kind, names in COLUMNS.items():
        given = columns.get(kind)
        if given and given not in header:
            raise unknown(f"column of '{where}'", given, header)
        free = [name for name in header if name not in found.values()]
        found[kind] = given or next((name for each in names for name in free if name.lower() == each), "")
    found = {kind: name for kind, name in found.items() if name}
    if "answer" not in found:
        raise InputError(
            f"'{where}' has the columns {', '.join(header)[:200]}: name that of the answers 'answer', or give "
            "--answer-column"
        )
    return found


def clean_text(text: str) -> str:
    r"""Return text without control characters, marks of direction, and halves of characters.

    Example:
        >>> clean_text("a\u202eb\ud800"), clean_text("a\tb")
        ('ab?', 'a\tb')
    """
    return REMOVED.sub("", text).encode(errors="replace").decode()


def _check(passages: Sequence[Passage], findings: FaqFindings) -> list[Passage]:
    kept: dict[tuple[str, str], Passage] = {}
    answers: dict[str, set[str]] = defaultdict(set)
    for each in passages:
        cleaned = {name: clean_text(getattr(each, name)) for name in ("question", "heading", "answer")}
        if cleaned != {name: getattr(each, name) for name in cleaned}:
            findings.add("control", each.place)
            each = replace(each, **cleaned)
        if not each.answer.strip():
            findings.add("empty", each.place)
            continue
        if len(each.answer) > LONGEST:
            findings.add("long", each.place)
            each = replace(each, answer=each.answer[:LONGEST])
        each = replace(each, key=each.key or normalize(each.answer), question=each.question[:LONGEST])
        identity = normalize(each.question or each.heading), each.key
        if identity in kept and normalize(kept[identity].answer) == normalize(each.answer):
            findings.add("duplicate", f"{kept[identity].place} and {each.place}")
            continue
        if each.question and answers[identity[0]] - {each.key}:
            findings.add("contradiction", each.place)
        answers[identity[0]].add(each.key)
        kept[identity if identity not in kept else (each.place, each.key)] = each
    return list(kept.values())
