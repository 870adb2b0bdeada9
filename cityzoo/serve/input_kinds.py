"""The kinds of models by what clients send them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cityzoo.serve.request_inputs import ImageFiles, RequestInput, SeriesWindow
from cityzoo.serve.sounds import SoundFiles
from cityzoo.serve.texts import Texts

if TYPE_CHECKING:
    from cityzoo.serve.settings import Settings

KINDS = (ImageFiles, SeriesWindow, Texts, SoundFiles, RequestInput)


def make_input(about: Mapping[str, Any], folder: Path, settings: Settings) -> RequestInput:
    """Return what a model takes of a request.

    Args:
        about: the model's preprocessing.json.
        folder: of the model.
        settings: of the server.

    Raises:
        InputError: a file that goes with the model is missing or damaged.
    """
    return next(kind for kind in KINDS if kind.is_for(about))(about, folder, settings)
