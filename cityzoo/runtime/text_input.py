"""Texts as an exported model takes them: cleaned as in training, cut into tokens by the tokenizer next to the file."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cityzoo.errors import InputError
from cityzoo.runtime.base_model import RuntimeModel
from zoo.text.tfidf import TfidfTokenizer
from zoo.text.tokenizer import STEP, Tokenizer

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


def find_tokenizer(folder: Path) -> Tokenizer | TfidfTokenizer | None:
    """Return the tokenizer in a run folder or an exported one; None where a model takes no texts."""
    name = next((name for name in TOKENIZERS if (folder / name).is_file()), None)
    return TOKENIZERS[name].from_folder(folder) if name else None


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
        self._word = re.compile(self.about["words"]) if "words" in self.about else None
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

    def prepare(self, texts: Sequence[str]) -> tuple[dict[str, np.ndarray], list[np.ndarray]]:
        """Return {input name: (N, ...)} for cleaned texts, and the tokens that their words begin with.

        The second is empty for models of whole texts; -1 stands for words that are cut off.
        """
        if not self._word or isinstance(self._tokenizer, TfidfTokenizer):
            return {self.name: self._tokenizer(texts)}, []
        words = [[found[0] for found in self._word.finditer(text)] for text in texts]
        encoded = self._tokenizer.encode_words(words)
        starts = [np.full(len(each), -1) for each in words]
        for places, pieces in zip(starts, encoded.first_pieces, strict=True):
            places[pieces[pieces >= 0]] = np.flatnonzero(pieces >= 0)
        return {self.name: encoded.token_ids}, starts

    def word_offsets(self, text: str) -> list[tuple[int, int]]:
        """Return the characters of the words of a cleaned text, from start to end, exclusive."""
        return [found.span() for found in self._word.finditer(text)] if self._word else []

    def count_tokens(self, text: str) -> int:
        """Return the tokens of a text, those included that a model does not read."""
        return self._tokenizer.count_all(text) if isinstance(self._tokenizer, Tokenizer) else 0


def run_by_length(
    file: RuntimeModel, feeds: Mapping[str, np.ndarray], padding: Mapping[str, int]
) -> dict[str, np.ndarray]:
    """Return the outputs of a file by name, computed for texts of similar length together: padding costs time, too.

    Args:
        file: the file.
        feeds: (B, T) token ids, padded at the end.
        padding: see `paddings`; empty for other inputs.
    """
    name = next(iter(padding), None)
    if name is None or len(feeds) > 1 or len(feeds[name]) == 1:
        return file.named_outputs(feeds)
    ids = feeds[name]
    used = ids.shape[1] - (ids[:, ::-1] != padding[name]).argmax(axis=1)
    lengths = np.minimum(np.maximum(-(-used // STEP) * STEP, 1), ids.shape[1])
    outputs: dict[str, np.ndarray] = {}
    for length in np.unique(lengths):
        rows = lengths == length
        for key, array in file.named_outputs({name: ids[rows, :length]}).items():
            shape = (ids.shape[1], *array.shape[2:]) if array.ndim > 2 else array.shape[1:]
            whole = outputs.setdefault(key, np.zeros((len(ids), *shape), array.dtype))
            if array.ndim > 2:
                whole[rows, :length] = array
            else:
                whole[rows] = array
    return outputs


def differing_probes(
    about: Mapping[str, Any], folder: Path, sources: np.ndarray, given: np.ndarray
) -> list[str]:
    """Return a line if the tokenizer does not give the tokens that it gave when a model was exported.

    Args:
        about: the model's preprocessing.json.
        folder: with the tokenizer.
        sources: (N,) texts.
        given: (N, ...) the model's input for them.
    """
    found = next(iter(TextInput(about, folder).prepare(sources.tolist())[0].values()))
    same = found.shape == given.shape and np.allclose(found, given, atol=1e-6)
    file = about["inputs"][0]["text"]["file"]
    return [] if same else [f"{file} cuts texts into other tokens than when it was exported"]
