"""What a caller wants: an exported run of text_intent on what was understood."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cityzoo.errors import InputError
from cityzoo.runtime.class_shares import class_shares
from cityzoo.runtime.exported_folder import DESCRIPTION, read_document
from cityzoo.runtime.rejection import REFUSED, read_rule
from cityzoo.runtime.runtime_model import open_model
from cityzoo.runtime.text_input import TextInput, is_text_input
from cityzoo.watch.detector import find_exported

NOT_UNDERSTOOD = "not understood"


class IntentClassifier:
    """An exported classifier of texts.

    Args:
        path: exported folder, its model file, or the run.

    Raises:
        InputError: no exported classifier of texts.
    """

    def __init__(self, path: Path) -> None:
        folder = find_exported(path, "--intent")
        about = read_document(folder, DESCRIPTION)
        if about.get("output") not in ("classification", "intent") or not is_text_input(about):
            raise InputError(f"--intent '{path}' does not classify texts: give a run of text_intent")
        self._texts, self._model = TextInput(about, folder), open_model(folder / about["model"])
        self.class_names, self._output, self._rule = about["class_names"], about["output"], read_rule(about)

    def classify(self, text: str) -> tuple[str, float]:
        """Return the intent of a text, or NOT_UNDERSTOOD, and the probability of the nearest class.

        A run without a rule when not to answer answers every text that is not empty.
        """
        clean = self._texts.clean(text)
        if not clean.strip():
            return NOT_UNDERSTOOD, 0.0
        logits = np.asarray(self._model(self._texts.prepare([clean])[0]))
        if self._rule is None:
            shares = class_shares(self._output, logits)[0]
            return self.class_names[int(shares.argmax())], float(shares.max())
        decided = self._rule.decide(logits)
        label, share = int(decided.labels[0]), float(decided.shares[0].max())
        return (NOT_UNDERSTOOD if label == REFUSED else self.class_names[label]), share
