"""Single frames of demo videos of many seeds, as labeled images to train a detector with."""

from __future__ import annotations

import numpy as np

from cityzoo.demo.scenes.vehicles import CLASS_NAMES
from cityzoo.demo.videos.frames import VideoFrame, draw_frame
from cityzoo.demo.videos.parts import Part
from cityzoo.demo.videos.video_plan import PLACE_SEED, plan_video
from cityzoo.demo.write import Demo

VERSION = 1  # of the choice of the frames; part of the description of the folder
CONDITIONS = ("day", "dusk", "rain")
FIRST_SEED = (
    1_000_000  # of the traffic; videos have smaller seeds, so that no frame is of a video to evaluate on
)
OTHER_PLACES = 0.3  # share of the frames from other roads
# Traffic, with the time after which all lanes are filled and the longest one that is simulated.
TRAFFIC = ((500.0, "", 15, 40), (500.0, "", 15, 40), (1500.0, "", 15, 60), (1500.0, "jam", 60, 140))


def draw_labeled_frame(seed: int) -> VideoFrame:
    """Return a frame of a video of 10 frames/s: mostly of the road of the demo videos, else of another one.

    Light, traffic from free to jammed and time depend on the seed, which is 0 or more.
    """
    rng = np.random.Generator(np.random.PCG64([seed, 8]))
    condition = CONDITIONS[int(rng.integers(len(CONDITIONS)))]
    per_hour, incident, first_s, last_s = TRAFFIC[int(rng.integers(len(TRAFFIC)))]
    other = rng.random() < OTHER_PLACES
    place = FIRST_SEED + int(rng.integers(FIRST_SEED)) if other else PLACE_SEED
    plan = plan_video(
        (Part(last_s + 31.0, condition, per_hour, incident),), FIRST_SEED + seed, place_seed=place
    )
    return draw_frame(plan, int(rng.integers(10 * first_s, 10 * last_s)), 10.0)


def video_frames() -> Demo:
    """Return the labeled frames as demo data of task vehicle_detect."""
    return Demo(
        "vehicle_detect", VERSION, CLASS_NAMES, draw_labeled_frame, counts={"train": 1000, "val": 100}
    )
