"""Texts in which tokens are hidden, and what is measured of them (masked language modelling).

Devlin et al., "BERT: Pre-training of Deep Bidirectional Transformers for Language Understanding", NAACL 2019,
https://arxiv.org/abs/1810.04805.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from augment.epoch_order import Rows
from cityzoo.cli import flag
from cityzoo.cli.values import parse_share
from cityzoo.modalities.text.views import TextViews
from cityzoo.pretrain.objectives import MASK, Pretraining

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

MASKED, SWAPPED = 0.8, 0.1  # of the hidden tokens: a mask in their place, another token; the others stay
View = tuple[int, int]  # row of the text, number of the epoch


@dataclass(frozen=True)
class MaskedText(Pretraining):
    """Tokens that are hidden."""

    class_names: tuple[str, ...] = ()
    mask: float = flag(0.15, MASK, parse_share, "SHARE")
    views: ClassVar[int] = 1
    primary_metrics: ClassVar[tuple[str, ...]] = ("masked_accuracy", "masked_loss")
    lower_is_better: ClassVar[tuple[str, ...]] = ("masked_loss",)

    def build_head(self, features: dict[str, Any]) -> keras.KerasTensor:
        """Return (batch, places, vocabulary) logits of "tokens" at "places", by the "encoder"'s embeddings."""
        from heads.masked_tokens import predict_tokens

        encoder = features["encoder"]
        epsilon = encoder.get_layer("embed_norm").epsilon
        return predict_tokens(
            features["tokens"], features["places"], encoder.get_layer("embed_tokens"), epsilon
        )

    def loss(self, size_hw: Any) -> keras.losses.Loss:
        """Return the cross-entropy of the hidden tokens."""
        from heads.masked_tokens import MaskedTokenLoss

        return MaskedTokenLoss()

    def measure(self, target: np.ndarray, outputs: np.ndarray) -> list[Any]:
        """Return of each text how many hidden tokens are named, the sum of their losses, and their number."""
        found = []
        for row, logits in zip(target, outputs, strict=True):
            token, chosen = row[row >= 0].astype(int), logits[row >= 0].astype(np.float64)
            chosen = chosen - chosen.max(axis=1, keepdims=True)
            loss = np.log(np.exp(chosen).sum(axis=1)) - chosen[np.arange(len(token)), token]
            found.append(
                (float((chosen.argmax(axis=1) == token).sum()), float(loss.sum()), float(len(token)))
            )
        return found

    def metrics(self, truth: Any, results: Sequence[tuple[float, float, float]]) -> dict[str, Any]:
        """Return the share of hidden tokens that are named, and their mean cross-entropy in nats."""
        named, loss, count = np.sum(results, axis=0)
        return {"masked_accuracy": float(named / max(count, 1)), "masked_loss": float(loss / max(count, 1))}


def hide_tokens(
    token_ids: np.ndarray, ordinary: np.ndarray, mask_id: int, share: float, seeds: Sequence[Any]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Hide tokens of each text: 80 % are masks then, 10 % other tokens, 10 % stay as they are.

    Args:
        token_ids: (B, T) int32.
        ordinary: (W,) ids of tokens that may be hidden or take the place of hidden ones.
        mask_id: of the mask.
        share: of the ordinary tokens of a text that are hidden; at least one.
        seeds: of each text; the same one hides the same tokens.

    Returns:
        The ids that are seen, (B, T) int32; the places of hidden tokens, (B, K) int32; and their ids, (B, K) float32,
        -1 where a text has fewer.

    Example:
        >>> hidden, places, tokens = hide_tokens(np.array([[2, 7, 3, 0]]), np.arange(5, 9), 4, 0.15, [3])
        >>> hidden.tolist(), places.tolist(), tokens.tolist()
        ([[2, 4, 3, 0]], [[1]], [[7.0]])
    """
    hidden, most = token_ids.copy(), max(1, round(share * token_ids.shape[1]))
    places = np.zeros((len(token_ids), most), np.int32)
    tokens = np.full((len(token_ids), most), -1, np.float32)
    may_be_hidden = np.isin(token_ids, ordinary)
    for row, seed in enumerate(seeds):
        rng, allowed = np.random.default_rng(seed), np.flatnonzero(may_be_hidden[row])
        count = min(max(1, round(share * len(allowed))), len(allowed))
        chosen = np.sort(rng.permutation(allowed)[:count])
        places[row, :count], tokens[row, :count] = chosen, token_ids[row, chosen]
        fate = rng.random(count)
        hidden[row, chosen[fate < MASKED]] = mask_id
        swapped = chosen[fate >= 1 - SWAPPED]
        hidden[row, swapped] = rng.choice(ordinary, len(swapped))
    return hidden, places, tokens


@dataclass(frozen=True)
class MaskedViews(TextViews):
    """The texts of a set with hidden tokens, others in each epoch."""

    output: Any  # a `MaskedText`
    tokenizer: Any  # of an encoder, with a mask

    @functools.cached_property
    def ordinary(self) -> np.ndarray:
        """Ids of all tokens but the special ones."""
        return np.setdiff1d(np.arange(self.tokenizer.vocabulary_size), self.tokenizer.special_ids)

    def hide(self, rows: Sequence[View]) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """Return what the network takes of some texts, and the target of the loss."""
        hidden, places, target = hide_tokens(
            self.inputs([row for row, _ in rows]),
            self.ordinary,
            self.tokenizer.mask_id,
            self.output.mask,
            [(self.seed, epoch, row) for row, epoch in rows],
        )
        return {"token_ids": hidden, "places": places}, target

    def masked_batches(self, rows: Rows, batch_size: int) -> tf.data.Dataset:
        """Return batches of (inputs, target) in the order of `rows`."""
        import tensorflow as tf

        def generate() -> Iterator[Any]:
            order = list(rows())
            for start in range(0, len(order), batch_size):
                yield self.hide(order[start : start + batch_size])

        ids = tf.TensorSpec((None, None), tf.int32)
        signature = ({"token_ids": ids, "places": ids}, tf.TensorSpec((None, None), tf.float32))
        return tf.data.Dataset.from_generator(generate, output_signature=signature)


def measure_frequency(train: MaskedViews, val: MaskedViews) -> dict[str, float]:
    """Return the metrics of naming hidden tokens of `val` by how frequent tokens are in `train`, each once more."""
    ids = train.inputs(range(len(train)))
    counts = np.bincount(ids[np.isin(ids, train.ordinary)], minlength=train.ordinary[-1] + 1)[train.ordinary]
    target = val.hide([(row, 0) for row in range(len(val))])[1]
    hidden = np.searchsorted(train.ordinary, target[target >= 0].astype(int))
    if not len(hidden):
        return {}
    loss = np.log(counts.sum() + len(counts)) - np.log(counts[hidden] + 1).mean()
    return {
        "accuracy_of_frequency": float((hidden == counts.argmax()).mean()),
        "loss_of_frequency": float(loss),
    }
