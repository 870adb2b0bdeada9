"""Sounds of requests: files of any rate and number of channels, cut into the windows that a model takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from cityzoo.data.audio.decode import decode_content
from cityzoo.data.audio.windows import windows
from cityzoo.errors import InputError
from cityzoo.serve.examples import Examples
from cityzoo.serve.http_errors import HttpError
from cityzoo.serve.request_inputs import Body, RequestInput, decode_base64

LONGEST_SECONDS = 60.0


class SoundFiles(RequestInput):
    """Files such as WAV, FLAC, OGG or MP3."""

    elements: ClassVar[str] = "sound files"

    @classmethod
    def is_for(cls, about: Mapping[str, Any]) -> bool:
        """Return whether a model takes sounds."""
        return "sound" in about["inputs"][0]

    def read(self, bodies: Sequence[Body]) -> Examples:
        """Return the windows of the sounds; see `RequestInput.read`."""
        tensor = self.about["inputs"][0]
        parts = [
            windows(self._decode(body.data, number), tensor["shape"][1])
            for number, body in enumerate(bodies, 1)
        ]
        owners = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
        return Examples({tensor["name"]: np.concatenate(parts)}, owners=owners)

    def read_elements(self, elements: Sequence[bytes | str]) -> Examples:
        """Return the windows of the sounds of a tensor; see `RequestInput.read_elements`."""
        return self.read([Body(decode_base64(each)) for each in elements])

    def _decode(self, data: bytes, number: int) -> np.ndarray:
        try:
            clip, _, is_cut_off = decode_content(data, f"sound {number}")
        except InputError as error:
            raise HttpError(415, str(error)) from error
        if is_cut_off or not len(clip):
            raise HttpError(422, f"sound {number} is cut off or empty: send the whole file")
        seconds = len(clip) / self.about["inputs"][0]["sound"]["rate"]
        if seconds > LONGEST_SECONDS:
            raise HttpError(
                413, f"sound {number} lasts {seconds:.0f} s, allowed are {LONGEST_SECONDS:.0f}: split it"
            )
        return clip
