"""Which words an answer depends on: by leaving each out, and by gradients; checked with random weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from cityzoo.data.text.personal_data import mask_text
from cityzoo.data.text.texts import TextExample, TextSet
from cityzoo.errors import InputError
from zoo.text.tokenizer import Tokenizer

if TYPE_CHECKING:
    import keras

    from cityzoo.outputs import Output

DRAWS = 3  # random networks
MAX_CORRELATION = 0.5  # with the attributions of random weights
MOST_WORDS = 60  # of a text that is explained
LEAST, MOST = 1e-9, 1 - 1e-9  # probabilities whose log-odds are finite
METHOD = (
    "occlusion: change of the answer's log-odds without the word; gradient x input (Shrikumar et al. 2017) of the "
    "answer's logit, summed over the word's tokens"
)
OCCLUSION = "occlusion: change of the answer's log-odds without the word"
Predict = Callable[[TextSet], list[np.ndarray]]  # texts -> (C,) probabilities of each


def explain_texts(
    model: keras.Model,
    output: Output,
    texts: TextSet,
    results: Sequence[Any],
    wanted: int | str,
    seed: int,
    predict: Predict,
) -> dict[str, Any]:
    """Return the words that answers depend on, see `Modality.explain`.

    Returns:
        `texts`: for each answer `words`, pairs of a word and its occlusion weight, -1..1; `gradients`, the same by
        gradients, where the model has embeddings; `answer`, `value` (its probability), `truth`, `covered` (the
        probability without the word that matters most), `agreement` (Spearman's correlation of both) and `path`;
        `sanity`, see `_sanity`; `method` in words.

    Raises:
        InputError: no such text.
    """
    rows = _choose(texts, results, wanted)
    examples = [_shorten(texts.examples[row]) for row in rows]
    described, pairs = [], []
    gradients = _EmbeddingGradients(model) if _has_embeddings(model) else None
    for example in examples:
        words = example.text.split()
        shares = predict(replace(texts, examples=(example, *_without_each(example))))
        label = int(np.argmax(shares[0]))
        odds = np.array([_log_odds(each[label]) for each in shares])
        weights = odds[0] - odds[1:]
        found = {
            "path": example.path,
            "words": _pairs(words, weights),
            "answer": texts.class_names[label],
            "value": float(shares[0][label]),
            "truth": _name_truth(example, texts.class_names),
            "covered": float(min(each[label] for each in shares[1:])),
            "agreement": None,
        }
        if gradients:
            own = gradients(words, label)
            found |= {"gradients": _pairs(words, own), "agreement": _rank_correlation(weights, own)}
            pairs.append((words, label, own))
        described.append(found)
    sanity = _sanity(model, gradients, pairs, seed) if gradients and pairs else None
    return {"texts": described, "sanity": sanity, "method": METHOD if gradients else OCCLUSION}


def _choose(texts: TextSet, results: Sequence[Any], wanted: int | str) -> list[int]:
    """Return rows: in turn the surest right answer, the surest wrong one, and the least sure."""
    if not isinstance(wanted, int):
        rows = [row for row, each in enumerate(texts.examples) if each.path == wanted]
        if not rows:
            raise InputError(
                f"'{wanted}' is not among the {len(texts)} held-out texts ({texts.examples[0].path} ...): give "
                "the place of one of them, or a number"
            )
        return rows[:1]
    shares = np.stack([getattr(each, "shares", each) for each in results])
    highest, best = shares.max(axis=1), shares.argmax(axis=1)
    targets = np.stack([np.asarray(each.target) for each in texts.examples])
    right = targets[np.arange(len(best)), best] > 0
    order = np.argsort(-highest, kind="stable")
    queues = [order[right[order]].tolist(), order[~right[order]].tolist(), order[::-1].tolist()]
    chosen: list[int] = []
    labels: set[int] = set()
    while len(chosen) < wanted and any(queues):
        for queue in queues:
            queue[:] = [row for row in queue if row not in chosen]
            if queue and len(chosen) < wanted:
                new = next((row for row in queue if best[row] not in labels), queue[0])
                chosen.append(new)
                labels.add(int(best[new]))
    return chosen


def _shorten(example: TextExample) -> TextExample:
    return replace(example, text=" ".join(example.text.split()[:MOST_WORDS]))


def _without_each(example: TextExample) -> list[TextExample]:
    words = example.text.split()
    return [
        replace(example, text=" ".join(words[:place] + words[place + 1 :]) or "-")
        for place in range(len(words))
    ]


def _log_odds(share: float) -> float:
    kept = min(max(float(share), LEAST), MOST)
    return float(np.log(kept) - np.log1p(-kept))


def _pairs(words: Sequence[str], weights: np.ndarray) -> list[list[Any]]:
    """Return words without personal data, with their weights in shares of the largest one."""
    largest = float(np.abs(weights).max(initial=0)) or 1.0
    shown = (mask_text(word) for word in words)
    return [[word, round(float(weight) / largest, 3)] for word, weight in zip(shown, weights, strict=True)]


def _name_truth(example: TextExample, class_names: Sequence[str]) -> str:
    names = [class_names[each] for each in np.flatnonzero(example.target).tolist()]
    return "+".join(names) or "outside"


def _rank_correlation(one: np.ndarray, other: np.ndarray) -> float | None:
    from cityzoo.evaluation.explain.explanation import rank_correlation

    return rank_correlation(one, other) if len(one) > 2 else None


def _has_embeddings(model: keras.Model) -> bool:
    return any(layer.name == "embed_tokens" for layer in model.layers)


class _EmbeddingGradients:
    """Gradient x input of words: the gradient of a logit by the embeddings of a word's tokens, times these."""

    def __init__(self, model: keras.Model) -> None:
        from cityzoo.modalities.text.build import tokenizer_of

        self.model, self.tokenizer = model, cast(Tokenizer, tokenizer_of(model))
        self.special = set(self.tokenizer([""]).ravel().tolist())  # [CLS], [SEP], padding

    def __call__(self, words: Sequence[str], label: int, model: keras.Model | None = None) -> np.ndarray:
        """Return the attribution of each word, (words,); 0 for words beyond the last token that is read."""
        import tensorflow as tf

        model = model or self.model
        table = model.get_layer("embed_tokens").embeddings.value
        encoded = self.tokenizer.encode_words([list(words)])
        with tf.GradientTape() as tape:
            tape.watch(table)
            logits = model(tf.constant(encoded.token_ids), training=False)
            chosen = logits[0, label] if logits.shape[1] > label else logits[0, 0] * (1 if label else -1)
        found = tape.gradient(chosen, table)  # a slice for each token, in their order
        values, ids = found.values.numpy().reshape(-1, table.shape[1]), found.indices.numpy().ravel()
        by_token = (values * table.numpy()[ids]).sum(axis=1)
        weights, place = np.zeros(len(words)), -1
        for first, token, weight in zip(encoded.first_pieces[0], encoded.token_ids[0], by_token, strict=True):
            place = first if first >= 0 else place
            if place >= 0 and token not in self.special:
                weights[place] += weight
        return weights


def _sanity(
    model: keras.Model,
    gradients: _EmbeddingGradients,
    pairs: Sequence[tuple[list[str], int, np.ndarray]],
    seed: int,
) -> dict[str, Any]:
    """Compare attributions with those of random weights (Adebayo et al. 2018, arXiv 1810.03292).

    Returns:
        `head`, `all`: mean of Spearman's correlation, -1..1, with random weights in the head, in all layers; `passed`,
        whether the latter is below .5.
    """
    import keras

    from cityzoo.evaluation.explain.randomized_weights import randomize_weights

    twin = keras.models.clone_model(model)
    head = {layer.name for layer in model.layers if layer.name.startswith("head")}
    found: dict[str, Any] = {}
    for name, layers in (("head", head), ("all", None)):
        values = []
        for draw in range(DRAWS):
            randomize_weights(twin, model, seed + draw, layers)
            values += [_rank_correlation(own, gradients(words, label, twin)) for words, label, own in pairs]
        found[name] = round(float(np.mean([value or 0.0 for value in values])), 4)
    found["passed"] = found["all"] < MAX_CORRELATION
    return found
