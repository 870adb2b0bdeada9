"""An exported model of intents that names the two a question may be about."""

from __future__ import annotations

from pathlib import Path

from cityzoo.errors import InputError
from cityzoo.runtime.exported_folder import DESCRIPTION, read_document
from cityzoo.runtime.rejection import RejectionRule, read_rule
from cityzoo.runtime.runtime_model import open_model
from cityzoo.runtime.text_input import TextInput, is_text_input


class IntentModel:
    """A task `text_intent` in its exported folder.

    Args:
        folder: that python -m cityzoo export wrote.
        threads: of the runtime.

    Raises:
        InputError: not such a folder, or one of another kind of model.
    """

    def __init__(self, folder: Path, threads: int = 1) -> None:
        about = read_document(folder, DESCRIPTION)
        if not is_text_input(about) or about["output"] not in ("classification", "intent"):
            raise InputError(
                f"--intents '{folder}' is not a model of intents: export a run of the task text_intent"
            )
        self._texts, self.class_names = TextInput(about, folder), tuple(about["class_names"])
        self._model = open_model(folder / about["model"], threads)
        self._rule = read_rule(about) or RejectionRule("max probability", 0.0)

    def find_nearest(self, text: str) -> tuple[tuple[str, str], float]:
        """Return the two classes that a text most likely belongs to, and the probability of both together."""
        feeds, _ = self._texts.prepare([self._texts.clean(text)])
        (outputs,) = self._model.named_outputs(feeds).values()
        shares = self._rule.decide(outputs).shares[0]
        first, second = shares.argsort()[::-1][:2]
        return (self.class_names[first], self.class_names[second]), float(shares[first] + shares[second])
