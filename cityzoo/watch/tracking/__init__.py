"""Follow objects over the frames of a video: Kalman filter, two-stage association, class by vote."""

from cityzoo.watch.tracking.tracker import Track, Tracker

__all__ = ["Track", "Tracker"]
