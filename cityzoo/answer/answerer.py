"""Answers of stored passages: the passage itself, a question which of two is meant, or "I do not know"."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from cityzoo.answer.calibration import Calibration, read_calibration
from cityzoo.answer.encoder import AUTO, open_encoder
from cityzoo.answer.index import PassageIndex, open_index
from cityzoo.answer.intents import IntentModel
from cityzoo.answer.passages import Passage, clean_text, read_passages
from cityzoo.answer.words import split_words
from cityzoo.cache_dir import cache_dir
from cityzoo.errors import InputError

LOG = logging.getLogger(__name__)
LONGEST_QUESTION = 2000  # characters
ANSWER, CLARIFY, UNKNOWN = "answer", "clarify", "unknown"
LABELS = ("A", "B")
# Replies to "A or B?", cut as `split_words` cuts words: English, German, Spanish, Turkish.
CHOICES = tuple(
    set(split_words(words))
    for words in ("A 1 first erste primera birinci ilki", "B 2 second zweite segunda ikinci")
)
NEITHER = set(split_words("no none neither nein keine weder ninguno hayir hicbiri"))
SHORT_REPLY = 6  # words; longer ones are questions


@dataclass(frozen=True)
class Answer:
    """What a question is answered with.

    Attributes:
        kind: "answer", "clarify" or "unknown".
        text: of the stored passage, of the question back, or that the answer is not known.
        passage: that the text is of.
        probability: that it, or one of the options, is right; None where a person chose it, or without calibration.
        options: passages that are asked for.
    """

    kind: str
    text: str
    passage: Passage | None = None
    probability: float | None = None
    options: tuple[Passage, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return it for programs."""
        found: dict[str, Any] = {"kind": self.kind, "text": self.text, "probability": self.probability}
        if self.passage:
            about = {
                name: getattr(self.passage, name) for name in ("title", "place", "source", "url", "lang")
            }
            found["passage"] = {name: value for name, value in about.items() if value}
        if self.options:
            found["options"] = [
                {"label": label, "title": each.title}
                for label, each in zip(LABELS, self.options, strict=True)
            ]
        return found


class Answerer:
    """Answers questions.

    Args:
        index: of the passages.
        calibration: how sure a match is.
        contact: who knows more, added where the answer is not known.
        intents: names the two intents that are asked for; their names are keys of passages. None: the two nearest
            passages are.
    """

    def __init__(
        self,
        index: PassageIndex,
        calibration: Calibration,
        contact: str = "",
        intents: IntentModel | None = None,
    ) -> None:
        self.index, self.calibration = index, calibration
        self.contact, self.intents = contact, intents

    def ask(self, question: str, options: tuple[Passage, ...] = ()) -> Answer:
        """Return the answer to a question, or to the reply to the question which of two passages is meant.

        Args:
            question: of a person.
            options: that the last answer asked for.

        Raises:
            InputError: an empty question, or one of more than 2,000 characters.
        """
        text = clean_text(question).strip()
        if len(text) > LONGEST_QUESTION:
            raise InputError(
                f"a question of {len(text)} characters: at most {LONGEST_QUESTION} are answered, shorten it"
            )
        if not text:
            raise InputError("an empty question: write what you want to know")
        chosen = resolve_reply(text, options) if options else None
        if chosen is not None:
            return (
                Answer(ANSWER, options[chosen].answer, options[chosen])
                if chosen >= 0
                else self._unknown(None)
            )
        if not split_words(text):
            return self._unknown(None)
        match = self.index.match(text)
        first, either = map(float, self.calibration.probabilities(match.features, match.is_stored))
        if first >= self.calibration.threshold:
            return Answer(ANSWER, match.passages[0].answer, match.passages[0], self._known(first))
        two = match.passages[:2]
        if self.intents:
            two, either = self._find_intents(text)
        if either < self.calibration.threshold or len(two) < 2:
            return self._unknown(self._known(first))
        if two[0].title == two[1].title:  # parts of one section
            two = tuple(replace(each, question=f"{each.title}: {each.opening} ...") for each in two)
        titles = (f"{label}) {each.title.rstrip('?')}" for label, each in zip(LABELS, two, strict=True))
        return Answer(CLARIFY, f"Do you mean {' or '.join(titles)}?", None, self._known(either), two)

    def _find_intents(self, text: str) -> tuple[tuple[Passage, ...], float]:
        """Return a passage of each of the two nearest intents that the FAQ has, titled by its name."""
        names, probability = self.intents.find_nearest(text) if self.intents else ((), 0.0)
        known = {each.key: each for each in reversed(self.index.passages)}
        return tuple(
            replace(known[name], question=name.replace("_", " ")) for name in names if name in known
        ), probability

    def warn_uncalibrated(self) -> None:
        """Warn if how many answers are wrong is not known."""
        if not self.calibration.is_calibrated:
            LOG.warning(
                "WARNING: the threshold is not calibrated on these passages: probabilities are not given, and how many "
                "answers are wrong is not known; calibrate once: python -m cityzoo answer --faq ... --questions FILE"
            )
        elif self.calibration.passages != self.index.digest:
            LOG.warning(
                "WARNING: the passages changed since the threshold was calibrated: give --questions FILE again"
            )

    def _known(self, probability: float) -> float | None:
        return probability if self.calibration.is_calibrated else None

    def _unknown(self, probability: float | None) -> Answer:
        return Answer(UNKNOWN, " ".join(filter(None, ("I do not know.", self.contact))), None, probability)


def resolve_reply(reply: str, options: tuple[Passage, ...]) -> int | None:
    """Return which of two passages a reply means, -1 for neither; None: it is another question.

    Args:
        reply: "A", "the first", "neither", or words of one of the titles.
        options: two passages.

    Example:
        >>> two = (Passage("Form 1", "a", "Permit for visitors?"), Passage("Form 2", "b", "Permit for residents?"))
        >>> [resolve_reply(text, two) for text in ("A", "the second one", "for visitors", "no", "Where is the bus?")]
        [0, 1, 0, -1, None]
    """
    words = split_words(reply)
    if len(words) > SHORT_REPLY:
        return None
    # A single letter may be an article in more than two words.
    named = [
        {word for word in words if word in names and (len(words) < 3 or len(word) > 1)} for names in CHOICES
    ]
    if not any(named):
        if NEITHER & set(words):
            return -1
        titles = [set(split_words(each.title)) for each in options]
        named = [set(words) & (own - other) for own, other in (titles, titles[::-1])]
    return int(bool(named[1])) if bool(named[0]) != bool(named[1]) else None


def open_answerer(
    faq: str,
    encoder: str = AUTO,
    folder: Path | None = None,
    contact: str = "",
    columns: Mapping[str, str | None] | None = None,
    threads: int = 1,
    intents: Path | None = None,
) -> Answerer:
    """Read, check and index passages, with the calibration that lies next to the index.

    Args:
        faq: file or folder of passages.
        encoder: as of `open_encoder`.
        folder: of the index; None: in the cache of this machine.
        contact: who knows more.
        columns: as of `read_passages`.
        threads: of the encoder.
        intents: folder of an exported model that names what is asked back.

    Raises:
        InputError: passages, an encoder or a model that cannot be used.
    """
    passages, findings = read_passages(faq, columns or {})
    LOG.info("%s", findings.text())
    folder = folder or index_folder(faq)
    opened = open_encoder(encoder, threads)
    index = open_index(passages, opened, folder)
    calibration = read_calibration(folder, opened.digest if opened else "")
    return Answerer(index, calibration, contact, IntentModel(intents, threads) if intents else None)


def index_folder(faq: str) -> Path:
    """Return the folder in the cache of this machine that the index of passages is kept in."""
    return cache_dir() / "answer" / sha256(str(Path(faq).resolve()).encode()).hexdigest()[:16]
