"""Sentence encoders in ONNX Runtime: texts in, vectors of length 1 out. TensorFlow is needed to export one, once."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path

import numpy as np

from cityzoo.answer.encoder_export import MODEL, POOLED, find_exported
from cityzoo.errors import InputError
from cityzoo.runtime.exported_folder import DESCRIPTION, read_document
from cityzoo.runtime.packages import require
from cityzoo.runtime.runtime_model import open_model
from zoo.text.tokenizer import FILE as TOKENIZER
from zoo.text.tokenizer import Tokenizer

LOG = logging.getLogger(__name__)
NONE, AUTO, DEFAULT = "none", "auto", "minilm"
BATCH = 32


class SentenceEncoder:
    """A sentence encoder.

    Args:
        folder: with tokenizer.json and an ONNX file that has an output "pooled", (B, C).
        threads: of the runtime.

    Attributes:
        digest: SHA-256 of the encoder and its tokenizer.

    Raises:
        InputError: files that are missing or damaged, or no such output.
    """

    def __init__(self, folder: Path, threads: int = 1) -> None:
        require("tokenizers", f"the encoder '{folder}'")
        name = read_document(folder, DESCRIPTION)["model"] if (folder / DESCRIPTION).is_file() else MODEL
        self.model = open_model(folder / name, threads)
        if POOLED not in [output.name for output in self.model.outputs]:
            raise InputError(
                f"'{folder / name}' has no output '{POOLED}': give --encoder the run folder, or a sentence encoder"
            )
        try:
            self.tokenizer = Tokenizer.from_folder(folder)
        except ValueError as error:
            raise InputError(str(error)) from error
        content = self.model.digest.encode() + (folder / TOKENIZER).read_bytes()
        self.digest = sha256(content).hexdigest()

    def __call__(
        self, texts: Sequence[str], progress: Callable[[int], None] = lambda done: None
    ) -> np.ndarray:
        """Return the vectors of texts, (N, C) float32 of length 1.

        Args:
            texts: that are encoded, those of similar length together.
            progress: called with the number of texts that are done.
        """
        order = sorted(range(len(texts)), key=lambda row: len(texts[row]))
        rows = [self._encode([texts[row] for row in order[:1]])] if not texts else []
        for start in range(0, len(order), BATCH):
            rows.append(self._encode([texts[row] for row in order[start : start + BATCH]]))
            progress(min(start + BATCH, len(order)))
        vectors = np.concatenate(rows)
        return vectors[np.argsort(order)] if len(order) else vectors

    def _encode(self, texts: Sequence[str]) -> np.ndarray:
        vectors = self.model.named_outputs(self.tokenizer(texts))[POOLED]
        return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)


def open_encoder(name: str, threads: int = 1) -> SentenceEncoder | None:
    """Open an encoder; None without one: then passages are found by their words alone, and a line says so.

    Args:
        name: an exported folder, a run folder, a Hugging Face folder, a name such as "minilm", "auto" or "none".
        threads: of the runtime.

    Raises:
        InputError: it is not there, damaged, or cannot be exported on this machine.
    """
    if name == NONE:
        return None
    folder = Path(name)
    if (folder / MODEL).is_file() or (folder / DESCRIPTION).is_file():
        return SentenceEncoder(folder, threads)
    wanted = DEFAULT if name == AUTO else name
    try:
        return SentenceEncoder(find_exported(wanted, download=name != AUTO), threads)
    except (ImportError, ValueError) as error:
        if name == AUTO:
            LOG.info("no encoder, passages are found by their words alone: %s", error)
            return None
        raise InputError(f"--encoder {name}: {error}") from error
