"""Frequent questions to a city with answers, and other people's questions to try them with."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cityzoo.demo.texts import VERSION, read_templates, write_table
from cityzoo.demo.texts.typing_errors import type_words
from cityzoo.demo.write import write_once


def make_questions(seed: int = 0) -> list[tuple[str, str]]:
    """Return questions as people type them, each with the one of the FAQ that answers it, or "" for none.

    Args:
        seed: of the typing errors.

    Example:
        >>> make_questions()[-1][1], sum(expected == "" for _, expected in make_questions())
        ('', 60)
    """
    rng = np.random.default_rng(seed)
    content = read_templates("faq")
    asked = [(text, each["question"]) for each in content["entries"] for text in each["paraphrases"]]
    asked += [(text, "") for text in content["outside"]]
    return [(" ".join(type_words(text.split(), rng)), expected) for text, expected in asked]


def write(folder: Path, seed: int = 0) -> Path:
    """Write faq.csv (question, answer, source) and questions.csv (question, expected) once; return the folder.

    Raises:
        InputError: the folder has other content.
    """

    def fill(draft: Path) -> None:
        entries = read_templates("faq")["entries"]
        rows = ((each["question"], each["answer"], each["source"]) for each in entries)
        write_table(draft / "faq.csv", ("question", "answer", "source"), rows)
        write_table(draft / "questions.csv", ("question", "expected"), make_questions(seed))

    return write_once(Path(folder), {"demo": "faq", "version": VERSION, "seed": seed}, fill)
