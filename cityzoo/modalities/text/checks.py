"""Checks of text models beyond their metrics: baselines, typos and the like, words that answers depend on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cityzoo.errors import InputError
from cityzoo.modalities.model_checks import Corruption, Intervention, ModelChecks
from cityzoo.modalities.text import words
from cityzoo.outputs.classification import Classification

if TYPE_CHECKING:
    import keras
    import numpy as np

    from cityzoo.data.text import TextDataset, TextSet
    from cityzoo.outputs import Output


class TextChecks(ModelChecks):
    """What `cityzoo.modalities.ModelChecks` declares, for texts."""

    def fit_baselines(self, folder: Path, data: TextDataset, output: Output) -> None:
        """Fit the baselines on the training texts, into the run folder."""
        from cityzoo.modalities.text import baselines

        if words.tags_words(output):
            words.write_baseline(folder, data.train)
        elif isinstance(output, Classification):
            baselines.fit(folder, data, output)

    def baselines(self, run: Path, examples: TextSet, output: Output) -> Mapping[str, Sequence[Any]]:
        from cityzoo.modalities.text import baselines

        if words.tags_words(output):
            return words.baseline_results(run, examples, output)
        return baselines.predict(run, examples, output) if isinstance(output, Classification) else {}

    def corruptions(self, examples: TextSet, seed: int) -> Iterator[Corruption]:
        from cityzoo.modalities.text.corruptions import corrupt

        return corrupt(examples, seed)

    def interventions(self, examples: TextSet, seed: int) -> Iterator[Intervention]:
        from cityzoo.modalities.text.interventions import exchange_names

        return exchange_names(examples, seed)

    def explain(
        self,
        model: keras.Model,
        output: Output,
        examples: TextSet,
        results: Sequence[Any],
        wanted: int | str,
        seed: int,
    ) -> dict[str, Any]:
        from cityzoo.modalities.text.explanations import explain_texts

        if not isinstance(output, Classification):
            raise InputError("--explain supports classes of whole texts only: remove it")

        def predict(texts: TextSet) -> list[np.ndarray]:
            return [getattr(each, "shares", each) for each in self.predict(model, texts, output)]  # type: ignore[attr-defined]

        return explain_texts(model, output, examples, results, wanted, seed, predict)
