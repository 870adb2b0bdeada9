"""What clients send to each kind of model: image files, CSV windows, texts, tensors."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

from cityzoo.runtime.image_input import fit_images, is_image_input
from cityzoo.serve.examples import Examples
from cityzoo.serve.http_errors import HttpError
from cityzoo.serve.images import decode_image
from cityzoo.serve.series_window import parse_window

if TYPE_CHECKING:
    from cityzoo.serve.settings import Settings


class Body(NamedTuple):
    """The body of a request, or a file of a form; `media_type` is the client's word for it, lower case."""

    data: bytes
    media_type: str = ""


class RequestInput:
    """What a model takes of a request; by default tensors alone.

    Args:
        about: the model's preprocessing.json.
        folder: of the model, only for now: a decrypted copy is gone later.
        settings: of the server.

    Attributes:
        elements: what elements of a BYTES tensor are; "" if the model takes none.
    """

    elements: ClassVar[str] = ""

    def __init__(self, about: Mapping[str, Any], folder: Path, settings: Settings) -> None:
        self.about, self.settings = about, settings

    @classmethod
    def is_for(cls, about: Mapping[str, Any]) -> bool:
        """Return whether a model is of this kind."""
        return True

    def read(self, bodies: Sequence[Body]) -> Examples:
        """Return the examples of a request to `/predict`.

        Raises:
            HttpError: 4xx, bodies that cannot be read.
        """
        raise HttpError(415, "this model takes tensors: use /v2/models/NAME/infer")

    def read_elements(self, elements: Sequence[bytes | str]) -> Examples:
        """Return the examples of a BYTES tensor; str: as JSON has it.

        Raises:
            HttpError: 400, 413, 415 or 422, elements that cannot be read.
        """
        raise HttpError(400, "BYTES for a model that takes tensors: send those")

    def check(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Raise HttpError for tensors of the right shapes with values that the model cannot take."""


class ImageFiles(RequestInput):
    """Image files, fitted to the model's size."""

    elements: ClassVar[str] = "image files"

    @classmethod
    def is_for(cls, about: Mapping[str, Any]) -> bool:
        """Return whether a model takes images."""
        return is_image_input(about)

    def read(self, bodies: Sequence[Body]) -> Examples:
        """Return the images; see `RequestInput.read`."""
        images = [decode_image(body.data, self.settings.max_megapixels) for body in bodies]
        feeds, matrices = fit_images(self.about, images)
        return Examples(feeds, images, matrices)

    def read_elements(self, elements: Sequence[bytes | str]) -> Examples:
        """Return the images of a tensor; see `RequestInput.read_elements`."""
        return self.read([Body(decode_base64(each)) for each in elements])


class SeriesWindow(RequestInput):
    """A window of measurements as CSV."""

    @classmethod
    def is_for(cls, about: Mapping[str, Any]) -> bool:
        """Return whether a model takes measurements."""
        return "series" in about

    def read(self, bodies: Sequence[Body]) -> Examples:
        """Return the window; see `RequestInput.read`."""
        if len(bodies) > 1:
            raise HttpError(400, f"{len(bodies)} files: send one CSV at a time")
        rows = f"{self.about['series']['history']} rows of CSV"
        feeds, last = parse_window(decode_text(bodies[0].data, rows), self.about)
        return Examples(feeds, times=[last])


def decode_base64(element: bytes | str) -> bytes:
    """Return the bytes of a file, which JSON has as base64.

    Raises:
        HttpError: 400, not base64.
    """
    try:
        return base64.b64decode(element, validate=True) if isinstance(element, str) else element
    except (binascii.Error, ValueError) as error:
        raise HttpError(400, f"expected files as base64 ({error})") from error


def decode_text(data: bytes, takes: str) -> str:
    """Return UTF-8 text.

    Args:
        data: the bytes.
        takes: what the model takes, for the message.

    Raises:
        HttpError: 415, something else.
    """
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise HttpError(415, f"a binary file for a model that takes {takes}: send UTF-8 text") from error
