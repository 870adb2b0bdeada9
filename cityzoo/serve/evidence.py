"""Evidence: images and texts of alarms, and now and then of each camera, redacted before they are written."""

from __future__ import annotations

import io
import json
import logging
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from cityzoo.data.text.personal_data import mask_text
from cityzoo.errors import InputError
from cityzoo.redact.redactor import Redactor
from cityzoo.replace_file import replace_file

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cityzoo.monitor.metrics import Monitor
    from cityzoo.security.encryption_keys import EncryptionKeys
    from cityzoo.serve.settings import Settings

LOG = logging.getLogger(__name__)
TEXTS_ONLY = "texts"  # masks personal data in them, and keeps no images
NO_REDACTION = "none"  # to be written out, so that nobody stores faces by forgetting a flag
JPEG_QUALITY = 90
MOST_WAITING = 8  # images; more are left out, and counted


class Evidence:
    """Keep images and texts with their answers in a folder of limited size.

    Personal data in texts is masked, unless images are kept as they are, too.

    Args:
        folder: that holds YEAR-MONTH-DAY/TIME-CAMERA-REQUEST.jpg and .json, with .enc behind if encrypted.
        redactor: of every image before it is written; None: images are kept as they are.
        keys: that encrypt the files; None: plain files.
        seconds: between two images of a camera without an alarm.
        most_bytes: the oldest files are removed beyond it.
        monitor: counts the regions that were covered.
        texts_only: whether images are not kept.
    """

    def __init__(
        self,
        folder: Path,
        redactor: Redactor | None,
        keys: EncryptionKeys | None,
        seconds: float,
        most_bytes: int,
        monitor: Monitor,
        texts_only: bool = False,
    ) -> None:
        self.texts_only = texts_only
        self.folder, self.redactor, self.keys = folder, redactor, keys
        self.seconds, self.most_bytes, self.monitor = seconds, most_bytes, monitor
        self.left_out = 0
        self._last: dict[str, float] = {}
        self._waiting = 0
        self._writer = ThreadPoolExecutor(1, "evidence")

    @classmethod
    def from_settings(cls, settings: Settings, monitor: Monitor) -> Evidence | None:
        """Return what the flags ask for.

        Raises:
            InputError: --evidence without --redact, or one of them cannot be used.
        """
        if settings.evidence is None:
            return None
        if settings.redact is None:
            raise InputError(
                f"--evidence stores images of people: give --redact, such as faces+models/plates, "
                f"--redact {TEXTS_ONLY}, or --redact {NO_REDACTION}"
            )
        from cityzoo.security.encryption_keys import read_encryption_keys

        redactor = None
        if settings.redact not in (NO_REDACTION, TEXTS_ONLY):
            redactor = Redactor.from_name(settings.redact)
        keys = read_encryption_keys(settings.encryption_key) if settings.encryption_key else None
        folder = Path(settings.evidence)
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise InputError(
                f"--evidence '{folder}' cannot be made ({error}): give another folder"
            ) from error
        most = int(settings.evidence_mb * 1e6)
        texts_only = settings.redact == TEXTS_ONLY
        return cls(folder, redactor, keys, settings.evidence_seconds, most, monitor, texts_only)

    def keep(self, example: np.ndarray | str, answer: Mapping[str, Any], about: Mapping[str, Any]) -> None:
        """Keep an image or a text, later and in a thread, if it is due: an alarm, or the camera's turn.

        Args:
            example: (H, W, 3) uint8 RGB, or a text.
            answer: of the model.
            about: model, version, camera, request.
        """
        if self.texts_only and not isinstance(example, str):
            return
        camera, now = about.get("camera") or "unnamed", time.monotonic()
        is_alarm = bool(answer.get("alarm") or answer.get("alarms"))
        if not is_alarm and now - self._last.get(camera, -self.seconds) < self.seconds:
            return
        if self._waiting >= MOST_WAITING:
            self.left_out += 1
            return
        self._last[camera] = now
        self._waiting += 1
        self._writer.submit(self._keep, example, {**about, "answer": answer, "is_alarm": is_alarm})

    def _keep(self, example: np.ndarray | str, about: dict[str, Any]) -> None:
        try:
            image, redacted = self._redact(example, about)
            moment = datetime.now(timezone.utc)
            camera = "".join(c if c.isalnum() else "_" for c in about.get("camera") or "unnamed")[:40]
            name = f"{moment:%H%M%S}-{camera}-{about['request'][:32]}"
            place = self.folder / f"{moment:%Y-%m-%d}" / name
            place.parent.mkdir(exist_ok=True, mode=0o700)
            about |= {"time": moment.isoformat(timespec="seconds"), "redacted_regions": redacted}
            if image is not None:
                with self._open(place.with_name(f"{name}.jpg")) as file:
                    file.write(_jpeg(image))
            with self._open(place.with_name(f"{name}.json")) as file:
                file.write(json.dumps(about).encode())
            self._make_room()
        except (OSError, InputError) as error:  # a full disk must not stop the server
            self.left_out += 1
            LOG.warning("WARNING: evidence of request %s was not kept: %s", about.get("request"), error)
        except Exception:  # of a redactor's network: without it, nothing is stored
            self.left_out += 1
            LOG.exception("evidence of request %s was not kept", about.get("request"))
        finally:
            self._waiting -= 1

    def _redact(self, example: np.ndarray | str, about: dict[str, Any]) -> tuple[np.ndarray | None, int]:
        # The image to write; a text goes into `about`.
        if isinstance(example, str):
            masks = self.texts_only or self.redactor is not None
            about["text"] = mask_text(example) if masks else example
            if masked := about["text"] != example:
                self.monitor.redaction("text")
            return None, int(masked)
        if self.redactor is None:
            return example, 0
        image, regions = self.redactor.redact(example)
        for region in regions:
            self.monitor.redaction(region.kind)
        return image, len(regions)

    @contextmanager
    def _open(self, path: Path) -> Iterator[BinaryIO]:
        if self.keys is None:
            with replace_file(path) as part, part.open("wb") as file:
                yield file
            return
        from cityzoo.security.encryption import SUFFIX, open_encrypted

        with open_encrypted(path.with_name(path.name + SUFFIX), "wb", self.keys) as file:
            yield file

    def _make_room(self) -> None:
        files = sorted(file for file in self.folder.glob("*/*") if file.is_file())  # by day and time
        sizes = [file.stat().st_size for file in files]
        excess = sum(sizes) - self.most_bytes
        for file, size in zip(files, sizes, strict=True):
            if excess <= 0:
                break
            file.unlink(missing_ok=True)
            excess -= size

    def close(self) -> None:
        """Wait until what is due is written."""
        self._writer.shutdown()


def _jpeg(image: np.ndarray) -> bytes:
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=JPEG_QUALITY)  # no EXIF, no GPS
    return file.getvalue()
