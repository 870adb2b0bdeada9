"""Texts of requests: one as it is, or several as JSON; never repeated in errors and logs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from cityzoo.runtime.text_input import TextInput, is_text_input
from cityzoo.serve.examples import Examples
from cityzoo.serve.http_errors import HttpError
from cityzoo.serve.infer_request import parse_json
from cityzoo.serve.request_inputs import Body, RequestInput, decode_text

if TYPE_CHECKING:
    from cityzoo.serve.settings import Settings

MOST_TEXTS = 64  # of one request
JSON = "application/json"
EXPECTED = 'send {"text": "..."} or {"texts": ["...", "..."]}'


class Texts(RequestInput):
    """Texts, cut into tokens."""

    elements: ClassVar[str] = "UTF-8 texts"

    def __init__(self, about: Mapping[str, Any], folder: Path, settings: Settings) -> None:
        super().__init__(about, folder, settings)
        self._input = TextInput(about, folder)
        self._tensor = about["inputs"][0]

    @classmethod
    def is_for(cls, about: Mapping[str, Any]) -> bool:
        """Return whether a model takes texts."""
        return is_text_input(about)

    def read(self, bodies: Sequence[Body]) -> Examples:
        """Return the texts of JSON, or each body as a text; see `RequestInput.read`."""
        if len(bodies) == 1 and bodies[0].media_type == JSON:
            texts, is_list = parse_texts(bodies[0].data)
            return self._prepare(texts, is_list)
        return self._prepare([decode_text(body.data, "texts") for body in bodies], False)

    def read_elements(self, elements: Sequence[bytes | str]) -> Examples:
        """Return the texts of a tensor; see `RequestInput.read_elements`."""
        return self._prepare(
            [each if isinstance(each, str) else decode_text(each, "texts") for each in elements], True
        )

    def check(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Raise HttpError for more tokens than the model reads, or tokens that it does not have."""
        if "range" not in self._tensor:
            return
        (low, high), most = self._tensor["range"], self._tensor["text"]["max_length"]
        ids = arrays[self._tensor["name"]]
        if ids.shape[1] > most or not ids.size or ids.min() < low or ids.max() > high:
            raise HttpError(
                400, f"input '{self._tensor['name']}': expected 1 to {most} tokens from {low} to {high}"
            )

    def _prepare(self, texts: Sequence[str], is_list: bool) -> Examples:
        if len(texts) > MOST_TEXTS:
            raise HttpError(413, f"{len(texts)} texts: send at most {MOST_TEXTS} at a time")
        longest, cleaned = self._tensor["text"]["longest"], []
        for number, text in enumerate(texts, 1):
            if len(text) > longest:
                raise HttpError(
                    413, f"text {number} has {len(text)} characters, allowed are {longest}: shorten it"
                )
            cleaned.append(self._input.clean(text))
            if not cleaned[-1].strip():
                raise HttpError(422, f"text {number} is empty: send at least one letter")
        feeds, starts = self._input.prepare(cleaned)
        offsets = [self._input.word_offsets(text) for text in cleaned]
        return Examples(
            feeds,
            texts=cleaned,
            starts=starts,
            offsets=offsets,
            notes=self._notes(cleaned, feeds),
            is_list=is_list,
        )

    def _notes(self, texts: Sequence[str], feeds: Mapping[str, np.ndarray]) -> list[str]:
        most = self._tensor["text"].get("max_length")
        rows = next(iter(feeds.values()))
        notes = [""] * len(texts)
        if most is None or rows.shape[1] < most:
            return notes
        for place in np.flatnonzero(rows[:, most - 1] != self._tensor["text"]["padding_id"]).tolist():
            count = self._input.count_tokens(texts[place])
            if count > most:
                notes[place] = f"the model read the first {most} of {count} tokens"
        return notes


def parse_texts(body: bytes) -> tuple[list[str], bool]:
    """Return the texts of a JSON body, and whether they came as a list.

    Raises:
        HttpError: 400 or 422, not the JSON that is expected.
    """
    document = parse_json(body)
    if len(document.keys() & {"text", "texts"}) != 1:
        raise HttpError(422, f"expected either 'text' or 'texts': {EXPECTED}")
    is_list = "texts" in document
    texts = document["texts"] if is_list else [document["text"]]
    if not isinstance(texts, list) or not texts or not all(isinstance(each, str) for each in texts):
        raise HttpError(422, f"expected one text or more, each a JSON string: {EXPECTED}")
    return texts, is_list
