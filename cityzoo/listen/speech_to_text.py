"""Speech to text by plugs: pocketsphinx with a grammar, Whisper or Moonshine from a folder."""

from __future__ import annotations

import logging
import math
import re
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from cityzoo.errors import InputError, unknown
from cityzoo.listen import RATE

LOG = logging.getLogger(__name__)
GRAMMAR = Path(__file__).with_name("city.jsgf")
MOST_REPEATS = 2  # of one word in a row; a third one is a decoder's loop, not speech
# Of a path through the grammar, natural logarithm per frame of 10 ms. Spoken demo calls of the grammar reach -0.0015 to
# -0.0025 down to 10 dB of noise, sentences outside of it -0.0031 to -0.0036.
LEAST_SCORE = -0.0028
LEAST_LEVEL = 1e-3  # RMS: -60 dB of full scale
LANGUAGE = "<|en|>"  # of Whisper models that know several
TAIL = RATE // 4  # samples of silence around what is decoded


class SpeechToText(Protocol):
    """Turns a piece of speech into text."""

    def transcribe(self, samples: np.ndarray) -> str:
        """Return what was said in (N,) float32 at 16 kHz; "" for nothing that was understood."""


class Pocketsphinx:
    """CMU's pocketsphinx with a JSGF grammar: offline, American English, only sentences of the grammar.

    Pieces whose best path is too unlikely, or ends within a sentence, give no text.

    Args:
        path: of the grammar; "": `city.jsgf` next to this module.

    Raises:
        InputError: the package is missing, or the grammar cannot be used.
    """

    def __init__(self, path: str = "") -> None:
        try:
            import pocketsphinx
        except ImportError as error:
            raise InputError(
                f'--stt pocketsphinx needs pocketsphinx ({error}): pip install "cityzoo[listen]"'
            ) from error
        grammar = Path(path) if path else GRAMMAR
        if not grammar.is_file():
            raise InputError(f"grammar '{grammar}' does not exist: give a JSGF file")
        self._decoder = pocketsphinx.Decoder(samprate=RATE, lm=None, loglevel="FATAL")
        self._check_words(grammar)
        try:
            self._decoder.add_jsgf_file("grammar", str(grammar))
            self._decoder.activate_search("grammar")
        except (RuntimeError, ValueError) as error:
            raise InputError(f"grammar '{grammar}' cannot be read ({error}): correct the JSGF") from error

    def _check_words(self, grammar: Path) -> None:
        text = grammar.read_text(encoding="utf-8", errors="replace")
        text = re.sub(r"//[^\n]*|/\*.*?\*/|/[\d.eE+-]+/|\{[^}]*\}|<[^>]*>", " ", text, flags=re.DOTALL)
        body = " ".join(
            line for line in re.split("[;\n]", text) if not re.match(r"\s*(#|grammar\b|import\b)", line)
        )
        words = sorted(set(re.findall(r"[^\s|()\[\]*+=;\"]+", body)) - {"public"})
        missing = [word for word in words if self._decoder.lookup_word(word.lower()) is None]
        if missing:
            raise InputError(
                f"grammar '{grammar}' has words that pocketsphinx's dictionary lacks: {', '.join(missing[:8])}: "
                "spell them in lower-case American English, or write others"
            )

    def transcribe(self, samples: np.ndarray) -> str:
        """Return a sentence of the grammar, or "" for anything else."""
        decoder = self._decoder
        around = np.zeros(TAIL, np.float32)
        loud = np.concatenate([around, samples, around]).clip(-1, 1)
        decoder.start_utt()
        decoder.process_raw((loud * 32767).astype("<i2").tobytes(), full_utt=True)
        decoder.end_utt()
        found = decoder.hyp()
        if found is None or not found.hypstr:
            return ""
        score = math.log(max(found.score, 1e-300)) / max(decoder.n_frames(), 1)
        LOG.debug("%s: %.5f", found.hypstr, score)
        is_whole = decoder.get_fsg("grammar").accept(found.hypstr)
        return str(found.hypstr) if is_whole and score >= LEAST_SCORE else ""


class KerasHubModel:
    """A Whisper or Moonshine preset of KerasHub in a folder.

    Args:
        kind: "whisper" or "moonshine".
        folder: of the preset.

    Raises:
        InputError: KerasHub is missing, or the folder holds no such preset.
    """

    def __init__(self, kind: str, folder: str) -> None:
        if not folder or not Path(folder).is_dir():
            raise InputError(f"--stt {kind}:{folder} is no folder: give that of a KerasHub preset")
        try:
            import keras_hub
        except ImportError as error:
            raise InputError(
                f"--stt {kind} needs KerasHub ({error}): pip install keras-hub tensorflow-text"
            ) from error
        self.kind = kind
        try:
            if kind == "moonshine":
                self._model: Any = keras_hub.models.MoonshineAudioToText.from_preset(folder)
            else:
                self._model = _WhisperDecoder(keras_hub, folder)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(
                f"'{folder}' is no {kind} preset of KerasHub ({' '.join(str(error).split())[:200]}): give another"
            ) from error

    def transcribe(self, samples: np.ndarray) -> str:
        """Return what was said."""
        found = self._model.generate({"audio": samples[None].astype(np.float32)})
        return str(found if isinstance(found, str) else found[0])


class _WhisperDecoder:
    """Greedy decoding, which KerasHub does not have for Whisper: no context of earlier pieces, no timestamps."""

    def __init__(self, hub: Any, folder: str, most_tokens: int = 100) -> None:
        self.backbone = hub.models.WhisperBackbone.from_preset(folder)
        self.tokenizer = hub.models.WhisperTokenizer.from_preset(folder)
        self.converter = hub.layers.WhisperAudioConverter.from_preset(folder)
        self.most_tokens = most_tokens

    def generate(self, inputs: dict[str, np.ndarray]) -> str:
        """Return the likeliest tokens, one after the other, as text."""
        features = np.asarray(self.converter(inputs["audio"]))
        ids = self._first_tokens()
        start = len(ids)
        while len(ids) < min(start + self.most_tokens, self.backbone.max_decoder_sequence_length):
            row = np.array([ids], np.int32)
            fed = {
                "encoder_features": features,
                "decoder_token_ids": row,
                "decoder_padding_mask": np.ones_like(row),
            }
            hidden = self.backbone(fed)["decoder_sequence_output"]
            logits = np.asarray(self.backbone.token_embedding(hidden[:, -1:], reverse=True))[0, 0]
            ids.append(int(logits.argmax()))
            if ids[-1] == self.tokenizer.eos_token_id:
                ids.pop()
                break
        return str(self.tokenizer.detokenize(np.array(ids[start:], np.int32)))

    def _first_tokens(self) -> list[int]:
        tokenizer = self.tokenizer
        language = [tokenizer.token_to_id(LANGUAGE)] if LANGUAGE in (tokenizer.language_tokens or ()) else []
        kind = [tokenizer.transcribe_token_id] if language else []  # models of English alone have neither
        return [
            int(each) for each in (tokenizer.bos_token_id, *language, *kind, tokenizer.no_timestamps_token_id)
        ]


def open_plug(text: str) -> SpeechToText:
    """Return the plug of --stt.

    Args:
        text: pocketsphinx, pocketsphinx:GRAMMAR, whisper:FOLDER or moonshine:FOLDER.

    Raises:
        InputError: no such plug, or it cannot be used.
    """
    kind, _, place = text.partition(":")
    if kind == "pocketsphinx":
        return Pocketsphinx(place)
    if kind in ("whisper", "moonshine"):
        return KerasHubModel(kind, place)
    raise unknown("plug of --stt", kind, ("pocketsphinx", "whisper", "moonshine"))


def transcribe_piece(plug: SpeechToText, samples: np.ndarray) -> str:
    """Return the text of a piece of sound, without loops; "" for one that is too quiet to be speech."""
    if not len(samples) or float(np.sqrt(np.mean(samples.astype(np.float64) ** 2))) < LEAST_LEVEL:
        return ""
    return drop_loops(plug.transcribe(samples))


def drop_loops(text: str) -> str:
    """Return a text without words, and groups of up to four words, that are repeated three times or more.

    Decoders of the Whisper family repeat themselves where nobody speaks.

    Example:
        >>> drop_loops("thank you thank you thank you"), drop_loops("no no wait"), drop_loops("go go go stop")
        ('', 'no no wait', 'stop')
    """
    kept = text.split()
    for length in (1, 2, 3, 4):
        place = 0
        while place + length <= len(kept):
            end = place + length
            while _fold(kept[end : end + length]) == _fold(kept[place : place + length]):
                end += length
            if end - place > MOST_REPEATS * length:
                del kept[place:end]
            else:
                place += 1
    return " ".join(kept)


def _fold(words: list[str]) -> list[str]:
    return [word.lower().strip(".,!?") for word in words]
