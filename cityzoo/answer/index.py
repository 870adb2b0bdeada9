"""Index of passages: which answers are nearest to a question, by meaning and by words."""

from __future__ import annotations

import itertools
import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np

from cityzoo.answer.encoder import SentenceEncoder
from cityzoo.answer.passages import Passage
from cityzoo.answer.words import WordIndex, split_whole_words
from cityzoo.errors import DAMAGE
from cityzoo.replace_file import replace_file

LOG = logging.getLogger(__name__)
VECTORS = "vectors.npz"
WORDS_WEIGHT = 0.2  # of the words, 0..1, added to the cosine; both constants chosen on CLINC150 and BANKING77
SOFTNESS = 0.05  # several passages of an answer that are near count more than one
NEAREST = 3  # answers that are looked at
REPORT_EVERY = 2048  # passages


@dataclass(frozen=True)
class Match:
    """The answers that are nearest to a question.

    Attributes:
        passages: the nearest passage of each of the nearest answers, at most `NEAREST`.
        features: (4,) float: score of the first answer, its distance to the second, that of the second to the third,
            and the share of the question's words, by their weights, that the first passage has.
        is_stored: whether the question is that of a passage, word for word.
    """

    passages: tuple[Passage, ...]
    features: np.ndarray
    is_stored: bool = False


class PassageIndex:
    """Passages that questions are compared with.

    Args:
        passages: at least one.
        encoder: of questions; None: words alone.
        vectors: (N, C) of the passages, as the encoder makes them; None without an encoder.
    """

    def __init__(
        self,
        passages: Sequence[Passage],
        encoder: SentenceEncoder | None = None,
        vectors: np.ndarray | None = None,
    ) -> None:
        self.passages, self.encoder, self._vectors = passages, encoder, vectors
        keys = {key: number for number, key in enumerate(dict.fromkeys(each.key for each in passages))}
        self._answers = np.array([keys[each.key] for each in passages])
        self._count = len(keys)
        self._words = WordIndex([each.words for each in passages])
        self._stored = _find_stored(passages)

    @property
    def digest(self) -> str:
        """SHA-256 of the passages."""
        return sha256(repr([(each.key, each.parts) for each in self.passages]).encode()).hexdigest()

    def match(self, question: str) -> Match:
        """Return the nearest answers.

        Args:
            question: not empty.
        """
        scores, bound = self._words.scores(question)
        shares = scores / max(bound, 1e-9)
        if self.encoder is None or self._vectors is None:
            scores = shares
        else:
            scores = self._vectors @ self.encoder([question])[0] + WORDS_WEIGHT * shares
        highest = scores.max()
        sums = np.bincount(self._answers, np.exp((scores - highest) / SOFTNESS), self._count)
        totals = highest + SOFTNESS * np.log(np.maximum(sums, 1e-30))
        nearest = np.argsort(-totals, kind="stable")[:NEAREST]
        stored = self._stored.get(tuple(split_whole_words(question)))
        rows = [int(np.where(self._answers == answer, scores, -np.inf).argmax()) for answer in nearest]
        first, second, third = [*totals[nearest], 0.0, 0.0][:NEAREST]
        features = np.array([first, first - second, second - third, shares[rows[0]]])
        found = [self.passages[row] for row in rows]
        if stored:
            found = [stored, *(each for each in found if each.key != stored.key)][:NEAREST]
        return Match(tuple(found), features, stored is not None)


def _find_stored(passages: Sequence[Passage]) -> dict[tuple[str, ...], Passage]:
    """Return the passage of each question, by its words, without questions that have several answers."""
    found: dict[tuple[str, ...], Passage] = {}
    several = set()
    for each in passages:
        words = tuple(split_whole_words(each.question))
        if found.setdefault(words, each).key != each.key:
            several.add(words)
    return {words: each for words, each in found.items() if words and words not in several}


def open_index(passages: Sequence[Passage], encoder: SentenceEncoder | None, folder: Path) -> PassageIndex:
    """Return the index of passages; vectors that a folder has of equal texts are not computed again.

    Args:
        passages: at least one.
        encoder: None: words alone.
        folder: that the vectors are kept in.
    """
    if encoder is None:
        return PassageIndex(passages)
    parts = [[sha256(part.encode()).hexdigest()[:32] for part in each.parts] for each in passages]
    texts = dict(
        zip(itertools.chain(*parts), itertools.chain(*(each.parts for each in passages)), strict=True)
    )
    stored = _read_vectors(folder / VECTORS, encoder.digest)
    known = {digest: stored[digest] for digest in texts if digest in stored}
    new = [digest for digest in texts if digest not in known]
    if new:
        LOG.info("encoding %d of %d texts, once", len(new), len(texts))

        def report(done: int) -> None:
            if done % REPORT_EVERY == 0:
                LOG.info("encoded: %d of %d", done, len(new))

        known |= zip(new, encoder([texts[digest] for digest in new], report), strict=True)
    if len(known) != len(stored) or new:
        _write_vectors(folder, known, encoder.digest)
    # An answer is one more text next to its questions. Demo FAQ, one question each: .73 of the first hits are right,
    # .63 with the questions alone.
    counts = Counter(each.key for each in passages)
    vectors = np.stack([
        known[first] + sum(known[digest] for digest in rest) / counts[each.key]
        for each, (first, *rest) in zip(passages, parts, strict=True)
    ])  # fmt: skip
    return PassageIndex(passages, encoder, vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


def _write_vectors(folder: Path, known: Mapping[str, np.ndarray], encoder: str) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with replace_file(folder / VECTORS) as part, part.open("wb") as file:
            np.savez(file, digests=list(known), vectors=np.stack(list(known.values())), encoder=encoder)
    except OSError as error:
        LOG.warning("WARNING: the index cannot be kept in '%s': %s", folder, error.strerror)


def _read_vectors(file: Path, digest: str) -> dict[str, np.ndarray]:
    if not file.is_file():
        return {}
    try:
        with np.load(file) as stored:
            if str(stored["encoder"]) != digest:
                return {}
            return dict(zip(stored["digests"].tolist(), stored["vectors"], strict=True))
    except DAMAGE as error:
        LOG.warning("'%s' is damaged (%s): encoding the passages again", file, error)
        return {}
