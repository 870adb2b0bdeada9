"""The folder of clips: names, encryption, limits of size and age."""

from __future__ import annotations

import time
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from cityzoo.errors import InputError
from cityzoo.replace_file import replace_file

if TYPE_CHECKING:
    from cityzoo.security.encryption_keys import EncryptionKeys

FOLDER = "evidence"
DAY = 86_400.0  # seconds


class ClipStore:
    """Write clips to OUT/evidence/YEAR-MONTH-DAY/TIME-CAMERA-TYPE.mp4, with .enc behind if encrypted.

    Args:
        out: the out folder.
        keys: that encrypt the clips; None: plain files.
        most_bytes: the oldest clips are removed beyond it.
        days: after which clips are removed; None: never.

    Raises:
        InputError: the folder cannot be made.
    """

    def __init__(
        self,
        out: Path,
        keys: EncryptionKeys | None = None,
        most_bytes: float = 1e9,
        days: float | None = None,
    ) -> None:
        self.out, self.keys, self.most_bytes, self.days = out, keys, most_bytes, days
        try:
            (out / FOLDER).mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise InputError(
                f"'{out / FOLDER}' cannot be made ({error.strerror}): give another folder"
            ) from error

    def name(self, camera: str, kind: str, seconds: float) -> str:
        """Return the path of a clip in the out folder.

        Args:
            camera: its camera.
            kind: type of its event.
            seconds: Unix time of its event.
        """
        moment = datetime.fromtimestamp(seconds, timezone.utc)
        words = "-".join("".join(c if c.isalnum() else "_" for c in text)[:40] for text in (camera, kind))
        suffix = ".mp4.enc" if self.keys else ".mp4"
        return f"{FOLDER}/{moment:%Y-%m-%d}/{moment:%H%M%S.%f}"[:-3] + f"-{words}{suffix}"

    def write(self, name: str, content: bytes) -> None:
        """Write a clip, readable by its owner only; it appears when it is whole.

        Raises:
            OSError: a full disk, for instance.
        """
        place = self.out / name
        place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if self.keys is None:
            with replace_file(place) as part:
                part.touch(mode=0o600)
                part.write_bytes(content)
        else:
            from cityzoo.security.encryption import open_encrypted

            with open_encrypted(place, "wb", self.keys) as file:
                file.write(content)
        self.make_room()

    def make_room(self) -> None:
        """Remove clips that are too old, and the oldest ones beyond the limit of size."""
        files = sorted(file for file in (self.out / FOLDER).glob("*/*") if file.is_file())  # by day and time
        states = [file.stat() for file in files]
        excess = sum(state.st_size for state in states) - self.most_bytes
        too_old = time.time() - self.days * DAY if self.days else float("-inf")
        for file, state in zip(files, states, strict=True):
            if excess > 0 or state.st_mtime < too_old:
                file.unlink(missing_ok=True)
                excess -= state.st_size
