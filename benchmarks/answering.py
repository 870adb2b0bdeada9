#!/usr/bin/env python3
"""Measure the time of a question to a large FAQ on one core: embedding, search by meaning and words, decision."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy is imported

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
if Path(sys.path[0]).resolve() == ROOT / "benchmarks":
    sys.path[0] = str(ROOT)

from benchmarks import command  # noqa: E402
from cityzoo.answer.answerer import Answerer  # noqa: E402
from cityzoo.answer.calibration import DEFAULT  # noqa: E402
from cityzoo.answer.encoder import open_encoder  # noqa: E402
from cityzoo.answer.index import PassageIndex  # noqa: E402
from cityzoo.answer.passages import Passage  # noqa: E402
from cityzoo.demo.texts.faq import make_questions  # noqa: E402

WORDS = 30_000  # of the vocabulary


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    made = argparse.ArgumentParser(
        prog="python benchmarks/answering.py",
        description="Median time of a question to a FAQ on one core, as python -m cityzoo answer answers it.",
        epilog="Passages are random words of a Zipf distribution with random unit vectors: the time of a search does "
        "not depend on what they say. Questions are those of the demo FAQ.",
    )
    made.add_argument("--passages", type=int, default=20_000, metavar="N", help="of the FAQ (default: 20000)")
    made.add_argument("--encoder", default="minilm", help="as of python -m cityzoo answer (default: minilm)")
    made.add_argument("--rounds", type=int, default=5, metavar="N", help="through all questions (default: 5)")
    made.add_argument("--json", type=Path, metavar="FILE", help="also write the numbers there")
    return made


def make_passages(count: int, seed: int = 0) -> list[Passage]:
    """Return passages with a question of 10 words and an answer of 40, as frequent as in a language."""
    rng = np.random.default_rng(seed)
    shares = 1 / np.arange(1, WORDS + 1)
    drawn = rng.choice(WORDS, (count, 50), p=shares / shares.sum())
    names = np.array(
        [f"{chr(97 + number % 26)}{chr(97 + number // 26 % 26)}w{number}" for number in range(WORDS)]
    )
    texts = names[drawn]
    return [
        Passage(" ".join(row[10:]), f"faq.csv:{number}", " ".join(row[:10]), key=str(number))
        for number, row in enumerate(texts)
    ]


def measure(function: Callable[[str], object], questions: list[str], rounds: int) -> dict[str, float]:
    """Return median and 95 % quantile of wall time and the median of CPU time, milliseconds."""
    for question in questions[:5]:
        function(question)
    wall, cpu = [], []
    for question in questions * rounds:
        started = time.perf_counter(), time.process_time()
        function(question)
        wall.append(1e3 * (time.perf_counter() - started[0]))
        cpu.append(1e3 * (time.process_time() - started[1]))
    return {
        "p50": float(np.median(wall)),
        "p95": float(np.percentile(wall, 95)),
        "cpu_p50": float(np.median(cpu)),
    }


def run(given: argparse.Namespace) -> None:
    """Measure and print."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    passages, questions = make_passages(given.passages), [text for text, _ in make_questions()]
    encoder = open_encoder(given.encoder)
    vectors = None
    if encoder:
        vectors = (
            np.random.default_rng(0).normal(size=(len(passages), encoder(["a"]).shape[1])).astype(np.float32)
        )
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    started = time.perf_counter()
    answerer = Answerer(PassageIndex(passages, encoder, vectors), DEFAULT)
    found = {"passages": len(passages), "index_seconds": time.perf_counter() - started}
    found["words alone"] = measure(PassageIndex(passages).match, questions, given.rounds)
    if encoder:
        found["embedding"] = measure(lambda text: encoder([text]), questions, given.rounds)
    found["question to answer"] = measure(answerer.ask, questions, given.rounds)
    sys.stdout.write(json.dumps(found, indent=2) + "\n")
    if given.json:
        given.json.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    made = parser()
    sys.exit(command.answer(made, run, made.parse_args()))
