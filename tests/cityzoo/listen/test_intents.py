"""Intents of an exported run."""

import pytest

from cityzoo.errors import InputError
from cityzoo.listen.intents import NOT_UNDERSTOOD, IntentClassifier
from tests.cityzoo.listen.exported_folders import write_intents, write_tone_classifier

pytest.importorskip("onnxruntime")


def test_intents(tmp_path):
    """The nearest class, or none."""
    intents = IntentClassifier(write_intents(tmp_path / "a"))
    assert intents.classify("a pothole in the road")[0] == "road_damage"
    assert intents.classify("the light is broken")[0] == "broken_light"
    assert intents.classify("pizza please")[0] == NOT_UNDERSTOOD
    assert intents.classify(" \x01") == (NOT_UNDERSTOOD, 0.0)


def test_other_models_are_refused(tmp_path):
    """A classifier of sounds."""
    with pytest.raises(InputError, match="text_intent"):
        IntentClassifier(write_tone_classifier(tmp_path / "a"))
