"""Tokenizers of encoders: texts in, arrays of token ids out. Free of Keras, so that servers use them as well."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import tokenizers

MASKS = ("[MASK]", "<mask>")
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "<pad>", "<unk>", "<s>", "</s>", *MASKS)
FILE, VOCABULARY, SETTINGS = "tokenizer.json", "vocab.txt", "tokenizer_config.json"
ASSETS = "assets/tokenizer"  # of a KerasHub preset
STEP = 8  # lengths of batches are multiples of it, so that few shapes are traced


class EncodedWords(NamedTuple):
    """Texts that were given as words.

    Attributes:
        token_ids: (B, T) int32, padded.
        first_pieces: (B, T) int32, the number of the word whose first piece a token is; -1 elsewhere.
        kept: (B,) int32, how many words of each text the tokens hold; the rest was cut off.
    """

    token_ids: np.ndarray
    first_pieces: np.ndarray
    kept: np.ndarray


class Tokenizer:
    """The tokenizer of an encoder.

    Args:
        definition: content of a tokenizer.json, as the package tokenizers writes it.
        max_length: tokens of a text, those at its start and end included; what is beyond is cut off. None: as the
            definition says.

    Raises:
        ValueError: the definition is damaged, the length is missing or below 3, or the package is not installed.
    """

    file: ClassVar[str] = FILE

    def __init__(self, definition: str, max_length: int | None = None) -> None:
        try:
            import tokenizers
        except ImportError as error:
            raise ValueError(f'texts need {error.name}: pip install "cityzoo[text]"') from error
        try:
            self._tokenizer = tokenizers.Tokenizer.from_str(definition)
        except Exception as error:  # the package raises nothing narrower
            raise ValueError(f"the {FILE} is damaged ({str(error)[:120]}): copy the folder again") from error
        self.max_length: int = max_length or (self._tokenizer.truncation or {}).get("max_length", 0)
        if self.max_length < 3:
            raise ValueError(f"texts of at most {self.max_length} tokens: give 3 or more")
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(self.max_length)
        self.padding_id = _padding_id(self._tokenizer)

    @classmethod
    def from_folder(cls, folder: Path, max_length: int | None = None) -> Tokenizer:
        """Return the tokenizer of a run or of a folder of Hugging Face or KerasHub.

        That is tokenizer.json, else BERT's vocab.txt; of KerasHub, the files in assets/tokenizer.

        Raises:
            ValueError: no such file is there, or one is damaged.
        """
        if (folder / ASSETS).is_dir():
            return cls(_from_preset(folder).to_str(), max_length)
        if (folder / FILE).is_file():
            return cls((folder / FILE).read_text(encoding="utf-8"), max_length)
        if not (folder / VOCABULARY).is_file():
            raise ValueError(f"'{folder}' has neither {FILE} nor {VOCABULARY}: save the tokenizer there, too")
        settings = _read_settings(folder / SETTINGS)
        return cls(
            _word_pieces(folder / VOCABULARY, settings.get("do_lower_case", True)).to_str(), max_length
        )

    @property
    def vocabulary_size(self) -> int:
        """Number of token ids."""
        return self._tokenizer.get_vocab_size()

    def id_of(self, token: str) -> int | None:
        """Return the id of a token of the vocabulary, None where it has none."""
        return self._tokenizer.token_to_id(token)

    @property
    def mask_id(self) -> int | None:
        """Id of the token that stands for a hidden one, None where it has none."""
        return next((found for name in MASKS if (found := self.id_of(name)) is not None), None)

    @property
    def special_ids(self) -> list[int]:
        """Ids of the tokens that no text has: start, end, padding, mask, unknown."""
        added = self._tokenizer.get_added_tokens_decoder().items()
        known = (self.id_of(name) for name in SPECIAL)
        return sorted(
            {number for number, each in added if each.special} | {each for each in known if each is not None}
        )

    def write(self, folder: Path) -> None:
        """Write it as `from_folder` reads it."""
        (folder / self.file).write_text(self._tokenizer.to_str(), encoding="utf-8")

    def lengths(self, texts: Sequence[str]) -> np.ndarray:
        """Return the number of tokens of each text before it is cut off, (N,) int32."""
        self._tokenizer.no_truncation()
        try:
            encoded = self._tokenizer.encode_batch(list(texts))
        finally:
            self._tokenizer.enable_truncation(self.max_length)
        return np.array([len(each.ids) for each in encoded], np.int32)

    def count_all(self, text: str) -> int:
        """Return the number of tokens of a text before it is cut off; threads may call it at the same time."""
        encoded = self._tokenizer.encode(text)
        special = sum(encoded.special_tokens_mask)
        return len(encoded.ids) + sum(len(each.ids) - special for each in encoded.overflowing)

    def __call__(self, texts: Sequence[str], length: int | None = None) -> np.ndarray:
        """Return token ids, (B, T) int32, padded at the end.

        Args:
            texts: that are encoded.
            length: T; None: that of the longest text, rounded up to a multiple of 8.
        """
        return self._pad([each.ids for each in self._tokenizer.encode_batch(list(texts))], length)

    def encode_words(self, texts: Sequence[Sequence[str]], length: int | None = None) -> EncodedWords:
        """Return token ids of texts that are split into words, and where each word begins."""
        encoded = self._tokenizer.encode_batch([list(words) for words in texts], is_pretokenized=True)
        token_ids = self._pad([each.ids for each in encoded], length)
        first_pieces = np.full(token_ids.shape, -1, np.int32)
        for row, each in enumerate(encoded):
            words = np.array([-1 if word is None else word for word in each.word_ids])
            is_first = (words >= 0) & (words != np.r_[-1, words[:-1]])
            first_pieces[row, : len(words)] = np.where(is_first, words, -1)
        return EncodedWords(token_ids, first_pieces, first_pieces.max(axis=1, initial=-1) + 1)

    def _pad(self, ids: Sequence[Sequence[int]], length: int | None) -> np.ndarray:
        longest = max(map(len, ids), default=STEP)
        width = min(-(-longest // STEP) * STEP, max(self.max_length, longest)) if length is None else length
        token_ids = np.full((len(ids), width), self.padding_id, np.int32)
        for row, each in enumerate(ids):
            token_ids[row, : len(each)] = each
        return token_ids


def _padding_id(tokenizer: tokenizers.Tokenizer) -> int:
    found = (tokenizer.token_to_id(token) for token in ("[PAD]", "<pad>"))
    return next((number for number in found if number is not None), 0)


def _read_settings(file: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(file.read_text(encoding="utf-8"))) if file.is_file() else {}
    except (OSError, ValueError, TypeError) as error:
        raise ValueError(f"'{file}' cannot be read ({error}): copy the folder again") from error


def _word_pieces(file: Path, lowercase: bool, strip_accents: bool | None = None) -> tokenizers.Tokenizer:
    """Return BERT's WordPiece tokenizer with a vocabulary of one token per line."""
    from tokenizers.implementations import BertWordPieceTokenizer

    try:
        return BertWordPieceTokenizer(str(file), lowercase=lowercase, strip_accents=strip_accents)._tokenizer
    except Exception as error:  # the package raises nothing narrower
        raise ValueError(f"'{file}' is damaged ({str(error)[:120]}): copy the folder again") from error


def _from_preset(folder: Path) -> tokenizers.Tokenizer:
    """Return the tokenizer of a KerasHub preset: WordPiece, or RoBERTa's byte pairs."""
    from tokenizers import ByteLevelBPETokenizer
    from tokenizers.processors import RobertaProcessing

    assets = folder / ASSETS
    settings = _read_settings(folder / FILE).get("config", {})
    if (assets / "vocabulary.txt").is_file():
        return _word_pieces(
            assets / "vocabulary.txt",
            settings.get("lowercase", False),
            settings.get("strip_accents", False),
        )
    if not (assets / "merges.txt").is_file():
        raise ValueError(
            f"'{assets}' has no vocabulary.txt or merges.txt: save the same model as a Hugging Face folder, which has "
            f"a {FILE} of its own"
        )
    pairs = ByteLevelBPETokenizer.from_file(str(assets / "vocabulary.json"), str(assets / "merges.txt"))
    end, start = ((token, pairs.token_to_id(token)) for token in ("</s>", "<s>"))
    pairs._tokenizer.post_processor = RobertaProcessing(end, start)
    return pairs._tokenizer
