"""Plugs: a grammar with pocketsphinx on espeak-ng's speech; KerasHub by a module that stands for it."""

import shutil
import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from cityzoo.demo.sounds import speech, spoken_calls, street
from cityzoo.errors import InputError
from cityzoo.listen import RATE, speech_to_text
from cityzoo.listen.speech_to_text import KerasHubModel, Pocketsphinx, drop_loops, open_plug, transcribe_piece

needs_espeak = pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed")


@pytest.fixture(scope="module")
def plug():
    """The default grammar."""
    pytest.importorskip("pocketsphinx", reason="pocketsphinx is not installed")
    return Pocketsphinx()


@needs_espeak
@pytest.mark.parametrize("text", [*spoken_calls.CALLS][::3])
def test_sentences_of_the_grammar(plug, text):
    """Word by word; sentences outside of it give nothing."""
    samples = speech.speak(text, "en-us+f5").astype(np.float32)
    inside = spoken_calls.CALLS[text] != "oos"
    assert transcribe_piece(plug, samples) == (text if inside else "")


def test_what_is_no_speech_gives_no_text(plug):
    """Silence, noise, music, a siren, nothing at all."""
    rng = np.random.default_rng(0)
    music, siren = (make(rng, rng, 3 * RATE) for make in (street.make_music, street.make_siren))
    for sound in (np.zeros(3 * RATE), rng.normal(0, 0.1, 3 * RATE), 0.1 * music, 0.1 * siren, np.zeros(0)):
        assert transcribe_piece(plug, sound.clip(-1, 1).astype(np.float32)) == ""


def test_grammars_that_cannot_be_used(tmp_path, plug):
    """A word that the dictionary lacks, damaged rules, no file."""
    file = tmp_path / "a.jsgf"
    file.write_text("#JSGF V1.0;\ngrammar a;\npublic <a> = hello | blorptown; // xyzzyq\n")
    with pytest.raises(InputError, match=r"lacks: blorptown: "):
        Pocketsphinx(str(file))
    file.write_text("#JSGF V1.0;\ngrammar a;\npublic <a> = hello |;\n<")
    with pytest.raises(InputError, match=r"a\.jsgf"):
        Pocketsphinx(str(file))
    with pytest.raises(InputError, match="does not exist"):
        open_plug("pocketsphinx:nowhere.jsgf")


def test_missing_packages(tmp_path, monkeypatch):
    """One line with the command that installs them."""
    monkeypatch.setitem(sys.modules, "pocketsphinx", None)
    monkeypatch.setitem(sys.modules, "keras_hub", None)
    with pytest.raises(InputError, match=r'pip install "cityzoo\[listen\]"'):
        open_plug("pocketsphinx")
    with pytest.raises(InputError, match="pip install keras-hub"):
        open_plug(f"moonshine:{tmp_path}")
    with pytest.raises(InputError, match="whisper:nowhere"):
        open_plug("whisper:nowhere")
    with pytest.raises(InputError, match="moonshine, pocketsphinx, whisper"):
        open_plug("vosk:model")


class FakeTokenizer:
    """Token 9 ends a text; 3 and 4 are words."""

    eos_token_id = 9
    bos_token_id, transcribe_token_id, no_timestamps_token_id = 0, 1, 2
    language_tokens = ("<|en|>", "<|de|>")

    def token_to_id(self, token):
        """The number of a language."""
        return 5 + self.language_tokens.index(token)

    def detokenize(self, ids):
        """Words of ids."""
        return " ".join({3: "hello", 4: "city"}[int(each)] for each in ids)


def fake_hub(is_right=True):
    """A module with the names of KerasHub that are used: the decoder says 3, 4, 9."""

    def from_preset(value):
        def load(folder):
            if not is_right:
                raise ValueError("no such\npreset")
            return value

        return SimpleNamespace(from_preset=load)

    class Backbone:
        """Answers with the number of tokens so far; the embedding turns it into the next token."""

        max_decoder_sequence_length = 448

        def __call__(self, inputs):
            assert inputs["encoder_features"].shape == (1, 3000, 80)
            return {
                "decoder_sequence_output": np.full(
                    (1, inputs["decoder_token_ids"].shape[1], 1), inputs["decoder_token_ids"].shape[1]
                )
            }

        def token_embedding(self, hidden, reverse):
            """Logits of the next token."""
            return np.eye(10)[{4: 3, 5: 4, 6: 9}[int(hidden[0, 0, 0])]][None, None]

    module = ModuleType("keras_hub")
    module.models = SimpleNamespace(
        MoonshineAudioToText=from_preset(
            SimpleNamespace(generate=lambda inputs: ["you " * inputs["audio"].shape[0] * 5])
        ),
        WhisperBackbone=from_preset(Backbone()),
        WhisperTokenizer=from_preset(FakeTokenizer()),
    )
    module.layers = SimpleNamespace(WhisperAudioConverter=from_preset(lambda audio: np.zeros((1, 3000, 80))))
    return module


def test_keras_hub(tmp_path, monkeypatch):
    """Whisper decodes token by token; loops of Moonshine are dropped; quiet pieces are not decoded at all."""
    monkeypatch.setitem(sys.modules, "keras_hub", fake_hub())
    loud = np.full(RATE, 0.1, np.float32)
    assert transcribe_piece(open_plug(f"whisper:{tmp_path}"), loud) == "hello city"
    moonshine = KerasHubModel("moonshine", str(tmp_path))
    assert moonshine.transcribe(loud).split() == ["you"] * 5
    assert transcribe_piece(moonshine, loud) == ""
    moonshine._model = None
    assert transcribe_piece(moonshine, loud / 1000) == ""
    monkeypatch.setitem(sys.modules, "keras_hub", fake_hub(is_right=False))
    with pytest.raises(InputError, match="no such preset"):
        open_plug(f"whisper:{tmp_path}")


def test_loops_are_dropped():
    """Words and phrases three times or more, whatever their case and marks."""
    assert drop_loops("Thank you. Thank you. thank you") == ""
    assert drop_loops("a b c d a b c d a b c d end") == "end"
    assert drop_loops("it is very very dark") == "it is very very dark"
    assert speech_to_text.MOST_REPEATS == 2
