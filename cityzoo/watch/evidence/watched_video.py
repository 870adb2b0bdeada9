"""A video of what was seen: boxes, ids, lines and counts, by default over the empty street."""

from __future__ import annotations

import logging
import queue
import threading
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from cityzoo.replace_file import replace_file
from cityzoo.watch.evidence.annotation import draw_scene, draw_text, draw_tracks
from cityzoo.watch.evidence.moments import Background, Moment
from cityzoo.watch.evidence.mp4 import Mp4Writer
from cityzoo.watch.evidence.redaction import Redaction
from cityzoo.watch.scene import Scene
from cityzoo.watch.sources.health import iso_time

LOG = logging.getLogger(__name__)
LONGEST_WAIT = 600  # moments that wait for the first background: a minute
MOST_WAITING = 100  # moments that wait to be encoded


class WatchedVideo:
    """Write an annotated video of one camera in a thread; it appears when it is closed.

    Args:
        path: a new .mp4 file.
        class_names: of the tracks.
        scene: whose lines and zones are drawn.
        redaction: of the frames; None, or "background": the empty street in place of the frames.
        waits: for the encoder when it is slow, as recordings can; else moments are left out.

    Attributes:
        background: of the camera, set by the recorder.
        left_out: moments for which there was no time.
    """

    def __init__(
        self,
        path: Path,
        class_names: Sequence[str],
        scene: Scene,
        redaction: Redaction | None = None,
        waits: bool = True,
    ) -> None:
        self.names, self.scene, self.waits = tuple(class_names), scene, waits
        self.redaction = redaction or Redaction(is_background=True)
        self.background = Background()
        self.left_out = 0
        self._totals: Counter[tuple[str, str]] = Counter()
        self._early: list[Moment] = []  # before the first background
        self._open = ExitStack()
        self._writer = Mp4Writer(self._open.enter_context(replace_file(path)))
        self._queue: queue.Queue[Moment | None] = queue.Queue(MOST_WAITING)
        self._thread = threading.Thread(target=self._work, name=f"video {path.name}", daemon=True)
        self._thread.start()

    def add(self, moment: Moment) -> None:
        """Append a moment, later than the last one."""
        try:
            self._queue.put(moment, block=self.waits)
        except queue.Full:
            self.left_out += 1

    def close(self) -> None:
        """Finish the file."""
        self._queue.put(None)
        self._thread.join()
        self._writer.close()
        self._open.close()

    def _work(self) -> None:
        while (moment := self._queue.get()) is not None:
            self._early.append(moment)
            is_ready = not self.redaction.is_background or self.background.image is not None
            if is_ready or len(self._early) >= LONGEST_WAIT:
                self._write()
        self._write()

    def _write(self) -> None:
        for moment in self._early:
            try:
                self._draw(moment)
            except (
                Exception
            ):  # of a redactor or a full disk: without it, nothing is stored, and the watch goes on
                self.left_out += 1
                if self.left_out == 1:
                    LOG.exception("a frame of the video was left out")
        self._early = []

    def _draw(self, moment: Moment) -> None:
        if self.redaction.is_background:
            image = self.background.shown(moment.size_hw, self.redaction)
        else:
            image = moment.image(self.redaction, self.background)
        self._totals.update((crossing.line, crossing.direction) for crossing in moment.crossings)
        draw_scene(image, self.scene, self._totals)
        draw_tracks(image, moment.tracks, self.names, moment.scale)
        draw_text(image, f"{iso_time(moment.time)[:23]}Z  {moment.stream_seconds:.1f} s")
        self._writer.write(image, moment.stream_seconds)
