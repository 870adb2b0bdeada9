"""Masked language models: which word fits a gap, by the head that BERT and its relatives were pretrained with.

Devlin et al. 2019, https://arxiv.org/abs/1810.04805. The head's last layer is the table of token embeddings itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from zoo.text.hugging_face import WEIGHTS, load_weights, read_config
from zoo.text.tokenizer import MASKS, Tokenizer

if TYPE_CHECKING:
    import keras

BATCH_SIZE = 32
# Names of the tensors by family: dense layer, layer normalization, bias of the vocabulary.
HEADS = (
    ("cls.predictions.transform.dense", "cls.predictions.transform.LayerNorm", "cls.predictions.bias"),
    ("vocab_transform", "vocab_layer_norm", "vocab_projector.bias"),  # DistilBERT
    ("lm_head.dense", "lm_head.layer_norm", "lm_head.bias"),  # RoBERTa
)


def has_masked_head(folder: Path) -> bool:
    """Return whether the weights of a Hugging Face folder include the head; only their names are read."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(folder / WEIGHTS, "numpy") as file:
            return any(f"{dense}.weight" in file.keys() for dense, _, _ in HEADS)  # noqa: SIM118 - no mapping
    except (OSError, SafetensorError):
        return False


@dataclass(frozen=True)
class MaskedHead:
    """From the encoder's output at a gap to logits of all tokens."""

    kernel: np.ndarray  # (C, C)
    bias: np.ndarray  # (C,)
    scale: np.ndarray  # (C,) of layer normalization
    offset: np.ndarray  # (C,)
    token_bias: np.ndarray  # (V,)
    epsilon: float = 1e-12

    def __call__(self, tokens: np.ndarray, table: np.ndarray) -> np.ndarray:
        """Return logits, (B, V), of outputs (B, C), with the table of token embeddings, (V, C)."""
        from scipy.special import erf

        x = tokens @ self.kernel + self.bias
        x = x * (1 + erf(x / np.sqrt(2))) / 2
        x = x - x.mean(axis=1, keepdims=True)
        x = x / np.sqrt(np.square(x).mean(axis=1, keepdims=True) + self.epsilon) * self.scale + self.offset
        return x @ table.T + self.token_bias


def read_masked_head(tensors: Mapping[str, np.ndarray], epsilon: float = 1e-12) -> MaskedHead:
    """Return the head in the tensors of a file.

    Raises:
        ValueError: they have none.
    """
    for dense, norm, bias in HEADS:
        if f"{dense}.weight" in tensors:
            return MaskedHead(
                kernel=tensors[f"{dense}.weight"].T,
                bias=tensors[f"{dense}.bias"],
                scale=tensors[f"{norm}.weight"],
                offset=tensors[f"{norm}.bias"],
                token_bias=tensors[bias],
                epsilon=epsilon,
            )
    raise ValueError(
        "the weights have no head of a masked language model: save them with BertForMaskedLM.save_pretrained"
    )


class MaskedLanguageModel:
    """An encoder with its head.

    Args:
        folder: a Hugging Face folder.
        max_length: tokens that are read of a text.

    Raises:
        ValueError: files that are missing or damaged, or a tokenizer without a token for gaps.
    """

    def __init__(self, folder: Path, max_length: int) -> None:
        from safetensors.numpy import load_file

        from zoo.text.encoder import build_encoder

        config = read_config(folder)
        self.head = read_masked_head(load_file(folder / WEIGHTS), config.epsilon)
        self.tokenizer = Tokenizer.from_folder(folder, min(max_length, config.max_length))
        self.encoder: keras.Model = build_encoder(config)
        load_weights(self.encoder, folder)
        self.mask = next((each for each in MASKS if self.tokenizer.id_of(each) is not None), "")
        if not self.mask:
            raise ValueError(
                f"the tokenizer of '{folder}' has neither of {', '.join(MASKS)}: it marks no gaps"
            )

    def score_words(self, texts: Sequence[str], words: Sequence[str]) -> np.ndarray:
        """Return the log-probability of each word in the gap of each text, (texts, words) float64.

        Args:
            texts: each with one `mask`, which must not be cut off.
            words: of several tokens the first one counts.

        Raises:
            ValueError: a text without a gap.
        """
        first = [self.tokenizer([word])[0, 1] for word in words]
        gap, table = (
            self.tokenizer.id_of(self.mask),
            np.asarray(self.encoder.get_layer("embed_tokens").embeddings),
        )
        rows = []
        for start in range(0, len(texts), BATCH_SIZE):
            ids = self.tokenizer(texts[start : start + BATCH_SIZE])
            found, is_gap = self.encoder.predict_on_batch(ids)["tokens"], ids == gap
            if not is_gap.any(axis=1).all():
                raise ValueError(
                    f"a text of the prompt has no {self.mask}, or it was cut off: shorten the prompt"
                )
            logits = self.head(found[np.arange(len(ids)), is_gap.argmax(axis=1)], table).astype(np.float64)
            top = logits.max(axis=1, keepdims=True)
            normal = top + np.log(np.exp(logits - top).sum(axis=1, keepdims=True))
            rows.append((logits - normal)[:, first])
        return np.concatenate(rows)
