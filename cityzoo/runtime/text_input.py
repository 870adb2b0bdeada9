"""Texts as an exported model takes them: cleaned as in training, cut into tokens by the tokenizer next to the file."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cityzoo.errors import InputError
from zoo.text.tfidf import TfidfTokenizer
from zoo.text.tokenizer import Tokenizer

TOKENIZERS = {each.file: each for each in (Tokenizer, TfidfTokenizer)}


def is_text_input(about: Mapping[str, Any]) -> bool:
    """Return whether a model takes texts.

    Args:
        about: its preprocessing.json.
    """
    return "text" in about["inputs"][0]


def paddings(about: Mapping[str, Any]) -> dict[str, int]:
    """Return by input the value that shorter examples are padded with.

    Example:
        >>> paddings({"inputs": [{"name": "token_ids", "text": {"padding_id": 0}}, {"name": "mask"}]})
        {'token_ids': 0}
    """
    found = {each["name"]: each.get("text", {}).get("padding_id") for each in about["inputs"]}
    return {name: value for name, value in found.items() if value is not None}


class TextInput:
    """Turn texts into a model's input.

    Args:
        about: the model's preprocessing.json.
        folder: with the tokenizer.

    Raises:
        InputError: the tokenizer is missing or damaged, or the package tokenizers is.
    """

    def __init__(self, about: Mapping[str, Any], folder: Path) -> None:
        tensor = about["inputs"][0]
        self.name, self.about = tensor["name"], tensor["text"]
        self._removed = re.compile(self.about["removed"])
        try:
            self._tokenizer = TOKENIZERS[self.about["file"]].from_folder(folder)
        except ImportError as error:
            raise InputError(f'texts need {error.name}: pip install "cityzoo[text]"') from error
        except ValueError as error:
            raise InputError(str(error)) from error

    def clean(self, text: str) -> str:
        """Return a text without control characters, halves of surrogate pairs, and marks of direction."""
        whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        return self._removed.sub("", whole)

    def __call__(self, texts: Sequence[str]) -> dict[str, np.ndarray]:
        """Return {input name: (N, ...)} for cleaned texts."""
        return {self.name: self._tokenizer(texts)}

    def count_tokens(self, text: str) -> int:
        """Return the tokens of a text, those included that a model does not read."""
        return self._tokenizer.count_all(text) if isinstance(self._tokenizer, Tokenizer) else 0


def differing_probes(about: Mapping[str, Any], folder: Path, sources: np.ndarray, given: np.ndarray) -> list[str]:
    """Return a line if the tokenizer does not give the tokens that it gave when a model was exported.

    Args:
        about: the model's preprocessing.json.
        folder: with the tokenizer.
        sources: (N,) texts.
        given: (N, ...) the model's input for them.
    """
    found = next(iter(TextInput(about, folder)(sources.tolist()).values()))
    same = found.shape == given.shape and np.allclose(found, given, atol=1e-6)
    return [] if same else [f"{about['inputs'][0]['text']['file']} cuts texts into other tokens than when it was exported"]
