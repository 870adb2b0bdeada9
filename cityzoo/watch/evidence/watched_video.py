"""A video of what was seen: boxes, ids, lines and counts, by default over the empty street."""

from __future__ import annotations

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

LONGEST_WAIT = 600  # moments that wait for the first background: a minute


class WatchedVideo:
    """Write an annotated video of one camera; it appears when it is closed.

    Args:
        path: a new .mp4 file.
        class_names: of the tracks.
        scene: whose lines and zones are drawn.
        redaction: of the frames; None, or "background": the empty street in place of the frames.

    Attributes:
        background: of the camera, set by the recorder.
    """

    def __init__(
        self, path: Path, class_names: Sequence[str], scene: Scene, redaction: Redaction | None = None
    ) -> None:
        self.names, self.scene = tuple(class_names), scene
        self.redaction = redaction or Redaction(is_background=True)
        self.background = Background()
        self._totals: Counter[tuple[str, str]] = Counter()
        self._waiting: list[Moment] = []  # for the first background
        self._open = ExitStack()
        self._writer = Mp4Writer(self._open.enter_context(replace_file(path)))

    def add(self, moment: Moment) -> None:
        """Append a moment, later than the last one."""
        self._waiting.append(moment)
        is_ready = not self.redaction.is_background or self.background.image is not None
        if is_ready or len(self._waiting) >= LONGEST_WAIT:
            self._write()

    def close(self) -> None:
        """Finish the file."""
        self._write()
        self._writer.close()
        self._open.close()

    def _write(self) -> None:
        for moment in self._waiting:
            hidden = self.redaction.is_background
            image = (
                self.background.shown(moment.size_hw)
                if hidden
                else moment.image(self.redaction, self.background)
            )
            self._totals.update((crossing.line, crossing.direction) for crossing in moment.crossings)
            draw_scene(image, self.scene, self._totals)
            draw_tracks(image, moment.tracks, self.names, moment.scale)
            draw_text(image, f"{iso_time(moment.time)[:23]}Z  {moment.stream_seconds:.1f} s")
            self._writer.write(image, moment.stream_seconds)
        self._waiting = []
