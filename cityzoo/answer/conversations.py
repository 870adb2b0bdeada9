"""Conversations: what was asked back lasts until the reply; a log of them where it is wanted."""

from __future__ import annotations

import json
import logging
import secrets
import threading
import time
from collections import OrderedDict
from logging.handlers import RotatingFileHandler
from pathlib import Path

from cityzoo.answer.answerer import Answer, Answerer
from cityzoo.answer.passages import Passage
from cityzoo.data.text.personal_data import mask_text

MOST = 10_000  # conversations that wait for a reply; the oldest is forgotten
LONGEST_WAIT = 1800.0  # seconds until a reply is a new question


class ConversationLog:
    """A file with one JSON object per question, personal data masked, of bounded size.

    Args:
        path: of the file; an earlier part is kept next to it, as NAME.1.
        most_mb: size of both together, in MB.
    """

    def __init__(self, path: Path, most_mb: float) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._handler = RotatingFileHandler(
            path, maxBytes=int(most_mb * 5e5), backupCount=1, encoding="utf-8"
        )

    def write(self, conversation: str, question: str, answer: Answer) -> None:
        """Append a question and where its answer is from."""
        about = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "conversation": conversation,
            "question": mask_text(question),
            "kind": answer.kind,
            "place": answer.passage.place if answer.passage else None,
            "probability": answer.probability,
        }
        line = json.dumps(about, ensure_ascii=False).encode(errors="replace").decode()
        self._handler.handle(logging.LogRecord("", logging.INFO, "", 0, line, (), None))

    def close(self) -> None:
        """Close the file."""
        self._handler.close()


class Conversations:
    """Questions and replies of several people.

    Args:
        answerer: of their questions.
        log: of all questions; None: none.
    """

    def __init__(self, answerer: Answerer, log: ConversationLog | None = None) -> None:
        self.answerer, self.log = answerer, log
        self._waiting: OrderedDict[tuple[str, str], tuple[float, tuple[Passage, ...]]] = OrderedDict()
        self._lock = threading.Lock()

    def reply(self, text: str, conversation: str = "", owner: str = "") -> tuple[str, Answer]:
        """Return the id of a conversation, and the answer.

        Args:
            text: question, or reply to what was asked back.
            conversation: id; "" begins one.
            owner: who asks: others cannot reply, whatever id they give.

        Raises:
            InputError: see `Answerer.ask`.
        """
        with self._lock:
            since, options = self._waiting.get((owner, conversation), (0.0, ()))
        conversation = conversation or secrets.token_hex(8)
        answer = self.answerer.ask(text, options if time.monotonic() - since < LONGEST_WAIT else ())
        with self._lock:
            self._waiting.pop((owner, conversation), None)
            if answer.options:
                self._waiting[owner, conversation] = time.monotonic(), answer.options
            while len(self._waiting) > MOST:
                self._waiting.popitem(last=False)
        if self.log:
            self.log.write(conversation, text, answer)
        return conversation, answer
