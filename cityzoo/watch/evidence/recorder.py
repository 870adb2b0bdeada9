"""Clips of the seconds before and after an alarm, redacted before anything of them is stored."""

from __future__ import annotations

import io
import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from cityzoo.errors import InputError
from cityzoo.watch.evidence.annotation import draw_tracks
from cityzoo.watch.evidence.camera_memory import CameraMemory
from cityzoo.watch.evidence.moments import Moment
from cityzoo.watch.evidence.mp4 import Mp4Writer
from cityzoo.watch.evidence.redaction import Redaction
from cityzoo.watch.evidence.store import ClipStore
from cityzoo.watch.scene import Scene
from cityzoo.watch.sources.health import iso_time

if TYPE_CHECKING:
    from cityzoo.watch.camera import Observation
    from cityzoo.watch.evidence.watched_video import WatchedVideo

LOG = logging.getLogger(__name__)
LONGEST = 60.0  # seconds of a clip: incidents that follow each other share it up to then
CLEANING = 600.0  # seconds between two looks at clips that are too old
FAREWELL = 60.0  # seconds that clips have at the end
MOST_WAITING = 8  # clips; more are left out, and counted


@dataclass
class _Clip:
    camera: str
    name: str  # path in the out folder
    start: float
    end: float
    moments: list[Moment] = field(default_factory=list)


class EvidenceRecorder:
    """Keep the last seconds of each camera, and write clips of them.

    One recorder serves all cameras. It is a sink of events, to know when a source is lost.

    Args:
        store: where the clips go.
        class_names: of the detections.
        scenes: by camera; others have none.
        redaction: of every frame.
        seconds: before and after an event.
        videos: annotated videos by camera, which get the same covered frames.
        report: gets a health event when a clip could not be written.

    Raises:
        InputError: the detector finds nothing that could be covered, see `Redaction.check`.
    """

    def __init__(
        self,
        store: ClipStore,
        class_names: Sequence[str],
        scenes: Mapping[str, Scene] | None = None,
        redaction: Redaction | None = None,
        seconds: tuple[float, float] = (5.0, 5.0),
        videos: Mapping[str, WatchedVideo] | None = None,
        report: Callable[[dict[str, Any]], None] = lambda event: None,
    ) -> None:
        self.redaction = redaction or Redaction()
        self.redaction.check(class_names)
        self.store, self.names, self.scenes = store, tuple(class_names), dict(scenes or {})
        self.before, self.after = seconds
        self.videos, self.report = dict(videos or {}), report
        self.written = self.left_out = 0
        self._memories: dict[str, CameraMemory] = {}
        self._clips: list[_Clip] = []
        self._lost: set[str] = set()  # cameras without frames
        self._writer = ThreadPoolExecutor(1, "evidence")
        self._tasks: list[Any] = []
        self._lock, self._next_cleaning = threading.RLock(), 0.0

    def update(self, observation: Observation) -> None:
        """Take what was seen in a frame."""
        if time.monotonic() >= self._next_cleaning:
            self._next_cleaning = time.monotonic() + CLEANING
            self._writer.submit(self.store.make_room)
        camera = observation.frame.camera
        with self._lock:
            if camera not in self._memories:
                scene, keeps = self.scenes.get(camera, Scene()), not self.redaction.is_background
                memory = CameraMemory(self.redaction, self.names, scene, self.before, keeps)
                self._memories[camera] = memory
                if camera in self.videos:
                    self.videos[camera].background = memory.background
            self._lost.discard(camera)
            self._take(camera, self._memories[camera].update(observation))

    def send(self, event: Mapping[str, Any]) -> None:
        """Take an event: of a camera that has no frames for now, what is due is written."""
        if event.get("what") in ("lost", "ended") and event.get("camera") in self._memories:
            with self._lock:
                self._finish(event["camera"])
                self._lost.add(event["camera"])

    def start(self, event: Mapping[str, Any]) -> str | None:
        """Begin a clip around an event, which is written when the seconds after it have passed; from any thread.

        Args:
            event: with type, camera and time (ISO 8601).

        Returns:
            Its path in the out folder; of events that follow each other the same one; None: the camera had no frame.
        """
        with self._lock:
            return self._start(event)

    def _start(self, event: Mapping[str, Any]) -> str | None:
        camera, at = event["camera"], datetime.fromisoformat(event["time"]).timestamp()
        memory = self._memories.get(camera)
        if memory is None:
            return None
        if (
            memory.ring
        ):  # a plan may ask for a clip minutes after the alarm, a lost camera has only what was before
            last = memory.ring[-1].time
            at = last if camera in self._lost else max(at, last - self.before)
        for clip in self._clips:
            if clip.camera == camera and at <= clip.end and at + self.after - clip.start <= LONGEST:
                clip.end = max(clip.end, at + self.after)
                return clip.name
        name = self.store.name(camera, str(event["type"]), at)
        clip = _Clip(camera, name, at - self.before, at + self.after)
        clip.moments = [moment for moment in memory.ring if moment.time >= clip.start]
        self._clips.append(clip)
        if camera in self._lost:
            self._submit(clip)
        return name

    def close(self, seconds: float = 0.0) -> None:
        """Write what is due, and wait for it, at least a minute: no network is needed for that."""
        with self._lock:
            for camera in self._memories:
                self._finish(camera)
        wait(self._tasks, max(seconds, FAREWELL))
        self._writer.shutdown(wait=False, cancel_futures=True)
        for video in self.videos.values():
            video.close()

    def summary(self) -> dict[str, Any]:
        """Return what is known of the clips, for the record of what was watched."""
        about = {"sink": "evidence", "redaction": self.redaction.describe()}
        left_out = sum(video.left_out for video in self.videos.values())
        frames = {"frames_left_out_of_videos": left_out} if left_out else {}
        return {**about, "sent": self.written, "lost": self.left_out, **frames}

    def _take(self, camera: str, moments: Sequence[Moment]) -> None:
        for moment in moments:
            if camera in self.videos:
                self.videos[camera].add(moment)
            for clip in [clip for clip in self._clips if clip.camera == camera]:
                if moment.time <= clip.end:
                    clip.moments.append(moment)
                else:
                    self._submit(clip)

    def _finish(self, camera: str) -> None:
        self._take(camera, self._memories[camera].flush())
        for clip in [clip for clip in self._clips if clip.camera == camera]:
            self._submit(clip)

    def _submit(self, clip: _Clip) -> None:
        self._clips.remove(clip)
        self._tasks = [task for task in self._tasks if not task.done()]
        if len(self._tasks) >= MOST_WAITING:
            self._leave_out(clip, f"{MOST_WAITING} clips wait already")
            return
        self._tasks.append(self._writer.submit(self._write, clip))

    def _write(self, clip: _Clip) -> None:
        try:
            buffer = io.BytesIO()
            writer = Mp4Writer(buffer)
            background = self._memories[clip.camera].background
            for moment in clip.moments:
                image = moment.image(self.redaction, background)
                draw_tracks(image, moment.tracks, self.names, moment.scale)
                writer.write(image, moment.time)
            writer.close()
            self.store.write(clip.name, buffer.getvalue())
            with self._lock:
                self.written += 1
        except (OSError, InputError) as error:  # a full disk must not stop the watch
            self._leave_out(clip, str(error))
        except Exception as error:  # of a redactor's network: without it, nothing is stored
            LOG.exception("the clip %s was not written", clip.name)
            self._leave_out(clip, repr(error))

    def _leave_out(self, clip: _Clip, reason: str) -> None:
        with self._lock:
            self.left_out += 1
        now = iso_time(datetime.now(timezone.utc).timestamp())
        about = {"type": "evidence", "camera": clip.camera, "time": now, "what": "left out"}
        self.report({**about, "evidence": clip.name, "detail": reason[:200]})
