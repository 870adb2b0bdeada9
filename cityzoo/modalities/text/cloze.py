"""Classes by prompt: the words of a class's name in the gap of a sentence, without any training.

Schick and Schuetze, "Exploiting Cloze Questions for Few Shot Text Classification and Natural Language Inference", EACL
2021, https://arxiv.org/abs/2001.07676; what a word's own frequency adds is subtracted (contextual calibration: Zhao et
al. 2021, https://arxiv.org/abs/2102.09690), measured on training texts.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cityzoo.errors import InputError
from zoo.text.masked_language import MaskedLanguageModel, has_masked_head

MOST_PRIOR = 200  # training texts that the frequencies of words are measured on
MASK, TEXT = "{mask}", "{text}"  # places in a prompt
MARGIN = 32  # tokens for the prompt


def check_prompt(prompt: str, folder: Path) -> None:
    """Raise InputError if a prompt has no gap, or the encoder's folder no head that fills it."""
    if prompt.count(MASK) != 1:
        raise InputError(f"--prompt '{prompt}' needs {MASK} once, such as \"It is about {MASK}.\"")
    if not has_masked_head(folder):
        raise InputError(
            f"--prompt needs the head of a masked language model, '{folder}' has none: give --backbone a folder that "
            "BertForMaskedLM or DistilBertForMaskedLM has saved, or remove --prompt"
        )


def verbalize(class_name: str) -> list[str]:
    """Return the words that stand for a class.

    Example:
        >>> verbalize("missed_collection"), verbalize("lostCard")
        (['missed', 'collection'], ['lost', 'card'])
    """
    parts = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", class_name).lower()
    return re.findall(r"[^\W_]+", parts) or [class_name]


class ClozeClassifier:
    """Scores of classes by a prompt.

    Args:
        folder: Hugging Face folder of an encoder with its head.
        prompt: a sentence with {mask}; {text} is where the text goes, by default before it.
        class_names: the classes.
        max_tokens: tokens of a text that are read.

    Raises:
        ValueError: the folder's files are missing or damaged.
    """

    def __init__(self, folder: Path, prompt: str, class_names: Sequence[str], max_tokens: int) -> None:
        self.model = MaskedLanguageModel(folder, max_tokens + MARGIN)
        self.prompt = prompt if TEXT in prompt else f"{TEXT} {prompt}"
        self.words = [verbalize(name) for name in class_names]

    def score(self, texts: Sequence[str]) -> np.ndarray:
        """Return the mean log-probability of each class's words, (N, C) float64."""
        vocabulary = list(dict.fromkeys(word for words in self.words for word in words))
        found = self.model.score_words([self._fill(text) for text in texts], vocabulary)
        places = [[vocabulary.index(word) for word in words] for words in self.words]
        return np.stack([found[:, columns].mean(axis=1) for columns in places], axis=1)

    def measure_prior(self, texts: Sequence[str]) -> np.ndarray:
        """Return the mean score of each class on training texts, (C,), to be subtracted."""
        rows = np.unique(np.linspace(0, len(texts) - 1, min(MOST_PRIOR, len(texts))).astype(int))
        return self.score([texts[row] for row in rows]).mean(axis=0)

    def _fill(self, text: str) -> str:
        """Return the prompt around a text, of which as many words are kept as can be read."""
        tokenizer, words = self.model.tokenizer, text.replace(self.model.mask, " ").split()
        while True:
            filled = self.prompt.replace(TEXT, " ".join(words)).replace(MASK, self.model.mask)
            if not words or tokenizer.lengths([filled])[0] <= tokenizer.max_length:
                return filled
            words = words[: len(words) * 3 // 4]
