"""Sources of frames: video files, folders of images, USB cameras and network streams."""

from __future__ import annotations

import re
import threading
from pathlib import Path

from cityzoo.errors import InputError, escape_control, unknown
from cityzoo.watch.frames import Frame
from cityzoo.watch.sources.base_source import Source
from cityzoo.watch.sources.health import Health
from cityzoo.watch.sources.recording import ImageFolder, VideoFile
from cityzoo.watch.sources.stream import Stream, hide_password

__all__ = ["Frame", "Health", "ImageFolder", "Source", "Stream", "VideoFile", "camera_name", "open_source"]

SCHEMES = ("rtsp", "rtsps", "rtmp", "rtmps", "http", "https", "srt", "udp", "tcp", "file")


def open_source(
    text: str,
    camera: str | None = None,
    fps: float | None = None,
    minutes: float | None = None,
    start: float | None = None,
    ready: threading.Event | None = None,
) -> Source:
    """Open a source.

    Args:
        text: a video file, an image, a folder of images, usb:NUMBER, or the URL of a stream, such as rtsp://HOST/PATH.
        camera: its name; None: `camera_name`.
        fps: most frames per second; of a folder the rate at which its images were taken.
        minutes: end after this time.
        start: Unix seconds of the first frame of a recording; None: by the time of the file.
        ready: see `Stream`.

    Raises:
        InputError: nothing there, no video or image, an unknown protocol, a rate or time that is not positive.
    """
    for name, value in (("--fps", fps), ("--minutes", minutes)):
        if value is not None and not 0 < value < float("inf"):
            raise InputError(f"{name} is {value:g}, but must be above 0")
    camera = camera or camera_name(text)
    usb = re.fullmatch(r"usb:(\d+)", text)
    if usb:
        return Stream(f"/dev/video{usb[1]}", camera, fps, minutes, "v4l2", ready)
    if "://" in text:
        scheme = text.partition("://")[0].lower()
        if scheme not in SCHEMES:
            raise unknown("protocol", scheme, SCHEMES)
        return Stream(text, camera, fps, minutes, None, ready)
    path = Path(text)
    if not path.exists():
        raise InputError(
            f"'{escape_control(text)}' does not exist: give a video, a folder of images, usb:0 or rtsp://HOST/PATH"
        )
    from cityzoo.data.image.image_files import is_image

    kind = ImageFolder if path.is_dir() or is_image(path) else VideoFile
    return kind(path, camera, fps, start, minutes)


def camera_name(text: str) -> str:
    """Return a name for the camera of a source: it names files and topics, and holds no password.

    Example:
        >>> camera_name("rtsp://admin:secret@10.0.0.7:554/main"), camera_name("clips/road 1.mp4"), camera_name("usb:0")
        ('10.0.0.7-554-main', 'road-1', 'usb-0')
    """
    plain = hide_password(text).partition("://")[2] if "://" in text else Path(text).stem
    return re.sub(r"[^\w.]+", "-", plain).strip("-.") or "camera"
