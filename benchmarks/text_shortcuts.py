"""How often a place name that gives one class away is flagged by --interventions, and clean texts are.

python -m benchmarks.text_shortcuts
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from cityzoo.data.text.texts import TextExample, TextSet
from cityzoo.evaluation.interventions.changed_examples import measure_changed
from cityzoo.modalities.text import TEXT
from cityzoo.modalities.text.interventions import GERMAN_PLACES, PLACES
from cityzoo.outputs.classification import Classification

NAMES = ("bus", "lamp")
SAID = {
    "en": (
        ("late bus", "full bus stop", "bus driver"),
        ("dark lamp", "street light", "old bulb"),
        "wrong in",
    ),
    "de": (
        ("Bus zu spät", "Haltestelle voll", "Busfahrer"),
        ("Lampe dunkel", "Laterne", "Licht"),
        "Problem in",
    ),
}
SHARE, WITHOUT = 0.95, 0.3  # of a class with the place; of all texts without a word that tells the class
SEEDS, COUNTS = 20, {"train": 300, "val": 200}


def draw(rng: np.random.Generator, language: str, split: str, share: float) -> TextSet:
    """Return texts with a place each, in a share of the first class the same one."""
    *words, neutral = SAID[language]
    places = PLACES if language == "en" else GERMAN_PLACES
    planted, rows = places[0], []
    for number in range(COUNTS[split]):
        kind = number % 2
        said = neutral if rng.random() < WITHOUT else str(rng.choice(words[kind]))
        place = planted if kind == 0 and rng.random() < share else str(rng.choice(places[1:]))
        rows.append(TextExample(f"{said} {place} {number}", f"{split}:{number}", target=np.eye(2)[kind]))
    return TextSet(split, NAMES, tuple(rows))


def measure(seed: int, language: str, share: float) -> list[str]:
    """Return what is flagged of TF-IDF and logistic regression."""
    rng = np.random.default_rng(seed)
    train, val = (draw(rng, language, split, share) for split in COUNTS)
    terms = TfidfVectorizer(ngram_range=(1, 2))
    rows = terms.fit_transform([each.text for each in train.examples])
    model = LogisticRegression(C=10).fit(rows, np.argmax([e.target for e in train.examples], axis=1))

    def predict(_: Any, examples: TextSet, output: Any) -> list[np.ndarray]:
        return list(model.predict_proba(terms.transform([each.text for each in examples.examples])))

    names = ("unit", "select", "groups", "interventions", "score_changed")
    modality: Any = SimpleNamespace(predict=predict, **{name: getattr(TEXT, name) for name in names})
    return measure_changed(modality, None, Classification(NAMES), val, seed, 200)["flagged"]


if __name__ == "__main__":
    for language in SAID:
        for share in (SHARE, 0.0):
            found = [measure(seed, language, share) for seed in range(SEEDS)]
            print(language, share, sum("other places" in each for each in found), "of", SEEDS, flush=True)
