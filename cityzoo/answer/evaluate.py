"""How good answers are on questions with a known answer: calibrated on one half, reported on the other."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from cityzoo.answer.calibration import Calibration, fit_calibration
from cityzoo.answer.index import PassageIndex
from cityzoo.answer.page import METHODS, SHARES
from cityzoo.answer.passages import COLUMNS, FaqFindings, Passage, clean_text, read_records
from cityzoo.data.files import confine
from cityzoo.errors import InputError, unknown

EXPECTED = ("expected", "answer_id", "answer", "id", "key", "source", "intent", "label")
KEPT = 0.9  # share of the inside questions at which rejected outside ones are counted
MOST_ROWS = 30  # of sources, and of wrong answers, in the report


@dataclass(frozen=True)
class Question:
    """A question with the keys of its right answers; none: it is outside of the passages."""

    text: str
    keys: frozenset[str]


def read_questions(path: Path, index: PassageIndex) -> list[Question]:
    """Read questions and what answers them: a key, source, URL, file, or file and row; nothing: outside.

    Raises:
        InputError: no such file, missing columns, or an answer that no passage has.
    """
    if not path.is_file():
        raise InputError(
            f"--questions '{path}' does not exist: give a CSV file with the columns question and expected"
        )
    keys: dict[str, set[str]] = defaultdict(set)
    for passage in index.passages:
        for name in passage.names:
            keys[name].add(passage.key)
    found: list[Question] = []
    columns: list[str] = []
    with confine(str(path)):
        for place, record in read_records(path, path.name, FaqFindings(str(path), "questions")):
            columns = columns or _find_columns(list(record), path)
            text, expected = (clean_text(str(record.get(name) or "")).strip() for name in columns)
            if expected and expected not in keys:
                raise unknown(f"answer of '{place}'", expected, keys)
            found.append(Question(text, frozenset(keys[expected] if expected else ())))
    return [each for each in found if each.text]


def _find_columns(header: Sequence[str], path: Path) -> list[str]:
    lower = [name.lower() for name in header]
    found = [next((name for name in names if name in lower), "") for names in (COLUMNS["question"], EXPECTED)]
    if not all(found):
        raise InputError(
            f"'{path}' has the columns {', '.join(header)[:200]}: name them question and expected; expected is empty "
            "for questions that no passage answers"
        )
    return [header[lower.index(name)] for name in found]


def split_halves(questions: Sequence[Question]) -> tuple[list[Question], list[Question]]:
    """Return two halves by a hash of the texts, with as many outside questions in each."""
    halves: tuple[list[Question], list[Question]] = ([], [])
    for is_outside in (False, True):
        chosen = [each for each in questions if is_outside == (not each.keys)]
        chosen.sort(key=lambda each: blake2b(each.text.encode(errors="replace")).digest())
        halves[0].extend(chosen[::2])
        halves[1].extend(chosen[1::2])
    return halves


def evaluate_answers(
    index: PassageIndex, questions: Sequence[Question], wrong_at_most: float
) -> tuple[Calibration, dict[str, Any]]:
    """Return a calibration on one half of the questions, and the report on the other.

    Args:
        index: of the passages.
        questions: that are evaluated.
        wrong_at_most: wanted share of wrong ones among the answers.

    Raises:
        InputError: too few questions to calibrate on.
    """
    halves = split_halves(questions)
    encoder = index.encoder.digest if index.encoder else ""
    found = [_match(index, half) for half in halves]
    calibration = fit_calibration(*found[0][:2], wrong_at_most, index.digest, encoder)
    is_inside = [bool(each.keys) for each in halves[1]]
    measured = measure_answers(calibration, found[1], is_inside)
    methods = {"words and meaning" if index.encoder else "words (BM25)": measured}
    if index.encoder:
        alone = PassageIndex(index.passages)
        words = [_match(alone, half) for half in halves]
        with suppress(InputError):  # words alone may find nothing, as between languages
            fitted = fit_calibration(*words[0][:2], wrong_at_most, "", "")
            methods["words alone (BM25)"] = measure_answers(fitted, words[1], is_inside)
    seconds = np.array(found[1].seconds) * 1e3
    return calibration, {
        "task": "answer",
        "examples": "questions",
        **measured,
        "n_calibrated": len(halves[0]),
        "n_passages": len(index.passages),
        "latency_ms": {f"p{share}": float(np.percentile(seconds, share)) for share in (50, 95)},
        "shares": {
            title: {"value": measured[name], "interval": measured[f"{name}_interval"]}
            for name, title in SHARES.items()
        },
        "methods": {name: {key: row.get(key) for key in METHODS} for name, row in methods.items()},
        **_describe(index, halves[1], calibration, found[1]),
    }


class Found(NamedTuple):
    """What an index found for questions.

    Attributes:
        features: (N, 4) of the matches.
        ranks: (N,) place of the right answer, from 0; -1: none.
        is_stored: (N,) bool, whether the question is a passage's own.
        first: nearest passages.
        seconds: that each took.
    """

    features: np.ndarray
    ranks: np.ndarray
    is_stored: np.ndarray
    first: Sequence[Passage] = ()
    seconds: Sequence[float] = ()


def _match(index: PassageIndex, questions: Sequence[Question]) -> Found:
    matches, ranks, seconds = [], [], []
    for each in questions:
        started = time.perf_counter()
        matches.append(index.match(each.text))
        seconds.append(time.perf_counter() - started)
        places = [place for place, passage in enumerate(matches[-1].passages) if passage.key in each.keys]
        ranks.append(places[0] if places else -1)
    features = np.array([each.features for each in matches])
    is_stored = np.array([each.is_stored for each in matches])
    return Found(features, np.array(ranks), is_stored, [each.passages[0] for each in matches], seconds)


def measure_answers(calibration: Calibration, found: Found, is_inside: Sequence[bool]) -> dict[str, Any]:
    """Return the metrics of answers.

    Args:
        calibration: fitted on other questions.
        found: for the questions.
        is_inside: (N,) whether a passage answers the question.
    """
    from sklearn.metrics import roc_auc_score

    first, either = calibration.probabilities(found.features, found.is_stored)
    ranks, inside, right = found.ranks, np.array(is_inside), found.ranks == 0
    answered = first >= calibration.threshold
    asked = ~answered & (either >= calibration.threshold)
    everything = np.full(len(ranks), True)
    shares = {
        "hits_1": (right, inside),
        "hits_3": (ranks >= 0, inside),
        "answered": (answered, everything),
        "answered_inside": (answered, inside),
        "wrong": (~right, answered),
        "outside_rejected": (~answered, ~inside),
        "clarified": (asked, everything),
        "clarified_right": ((ranks == 0) | (ranks == 1), asked),
    }
    report: dict[str, Any] = {"n_questions": len(ranks), "n_inside": int(inside.sum())}
    report |= {
        "n_outside": int((~inside).sum()),
        "n_answered": int(answered.sum()),
        "n_clarified": int(asked.sum()),
    }
    for name, (hit, among) in shares.items():
        report |= {name: _share(hit, among), f"{name}_interval": _interval(hit, among)}
    report |= {"threshold": calibration.threshold, "wrong_at_most": calibration.wrong_at_most}
    report |= _curves(first, right)
    if inside.any() and not inside.all():
        report["auroc_outside"] = float(roc_auc_score(inside, first))
        report["outside_rejected_at_90"] = _share(first < np.quantile(first[inside], 1 - KEPT), ~inside)
    return report


def _curves(probabilities: np.ndarray, right: np.ndarray) -> dict[str, Any]:
    from cityzoo.metrics.calibration import expected_calibration_error, reliability

    bins, best = reliability(probabilities, right), right[np.argsort(-probabilities, kind="stable")]
    counts = np.arange(1, len(best) + 1)
    curve = {"coverage": counts / len(best), "accuracy": np.cumsum(best) / counts}
    return {"reliability": bins, "ece": expected_calibration_error(bins), "coverage_curve": curve}


def _share(found: np.ndarray, among: np.ndarray) -> float | None:
    return float(found[among].mean()) if among.any() else None


def _interval(found: np.ndarray, among: np.ndarray) -> list[float] | None:
    """Return the exact 95 % interval of a share (Clopper and Pearson, 1934)."""
    from scipy.stats import binomtest

    if not among.any():
        return None
    ends = binomtest(int(found[among].sum()), int(among.sum())).proportion_ci()
    return [float(ends.low), float(ends.high)]


def _describe(
    index: PassageIndex, questions: Sequence[Question], calibration: Calibration, found: Found
) -> dict[str, Any]:
    """Return what came of the first passages of each source, most frequent first, and the wrong answers."""
    rows: dict[str, Counter[str]] = defaultdict(Counter)
    wrong, titles = [], {each.key: each.title for each in reversed(index.passages)}
    first = calibration.probabilities(found.features, found.is_stored)[0]
    for question, passage, rank, probability in zip(questions, found.first, found.ranks, first, strict=True):
        is_answered = probability >= calibration.threshold
        kind = ("right" if rank == 0 else "wrong") if is_answered else "not_answered"
        rows[passage.origin].update([kind, *(["outside"] if not question.keys else [])])
        if kind == "wrong":
            expected = " | ".join(titles[key] for key in sorted(question.keys)) or "outside"
            wrong.append({"question": question.text, "answer": passage.title, "expected": expected,
                          "probability": probability})  # fmt: skip
    ordered = sorted(rows.items(), key=lambda item: (-item[1].total(), item[0]))
    kinds = ("right", "wrong", "not_answered", "outside")
    return {
        "by_source": [
            {"source": name, **{kind: counts[kind] for kind in kinds}} for name, counts in ordered[:MOST_ROWS]
        ],
        "wrong_answers": sorted(wrong, key=lambda row: -row["probability"])[:MOST_ROWS],
    }
