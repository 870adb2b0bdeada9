"""Two intents by an exported model: named by it, answered from the passages."""

import json

import numpy as np
import pytest

from cityzoo.answer.answerer import Answerer
from cityzoo.answer.calibration import Calibration
from cityzoo.answer.index import PassageIndex
from cityzoo.answer.intents import IntentModel
from cityzoo.errors import InputError
from tests.cityzoo.answer.conftest import write_encoder

NAMES = ["bulky", "permit", "library", "visitors", "residents", "other"]  # the axes of the encoder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The encoder as an exported run whose logits count words."""
    made = write_encoder(tmp_path_factory.mktemp("intents") / "run")
    text = {"file": "tokenizer.json", "removed": "[\u202e]"}
    about = {"model": "model.onnx", "output": "intent", "class_names": NAMES}
    (made / "preprocessing.json").write_text(
        json.dumps({**about, "inputs": [{"name": "token_ids", "text": text}]})
    )
    return made


def test_the_two_nearest_classes_and_their_probability(folder):
    text = "visitors visitors\u202e or residents waste residents waste waste"
    names, probability = IntentModel(folder).find_nearest(text)
    logits = np.array([3, 0, 0, 2, 2, 0]) + [0, 0, 0, 0, 0, 0.08]
    shares = np.exp(logits) / np.exp(logits).sum()
    assert names[0] == "bulky" and names[1] in ("visitors", "residents")
    assert probability == pytest.approx(shares[0] + shares[3], abs=1e-3)


def test_what_is_asked_back_has_the_names_of_intents(folder, passages):
    calibration = Calibration((0, 0, 0, 0, -1), (0, 0, 0, 0, 9), 0.6, 0.1)  # never sure of the first
    answerer = Answerer(PassageIndex(passages), calibration, "", IntentModel(folder))
    asked = answerer.ask("visitors visitors visitors residents residents residents")
    assert asked.kind == "clarify" and {each.key for each in asked.options} == {"visitors", "residents"}
    assert answerer.ask("residents", asked.options).text == "At the town hall."
    assert answerer.ask("visitors residents").kind == "unknown"  # probability of both below the threshold
    assert (
        answerer.ask("permit permit permit permit permit waste").kind == "unknown"
    )  # no passage of "permit"


def test_other_models_are_refused(encoder_folder, folder, tmp_path):
    with pytest.raises(InputError, match="exported"):
        IntentModel(encoder_folder)
    about = json.loads((folder / "preprocessing.json").read_text())
    for change in ({"output": "detection"}, {"inputs": [{"name": "images"}]}):
        (tmp_path / "preprocessing.json").write_text(json.dumps({**about, **change}))
        with pytest.raises(InputError, match="text_intent"):
            IntentModel(tmp_path)
