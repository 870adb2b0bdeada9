"""Videos of the demo streets: the same vehicles in motion, with exact tracks, counts and incidents."""

from cityzoo.demo.videos.labeled_frames import video_frames
from cityzoo.demo.videos.parts import VIDEOS, Part
from cityzoo.demo.videos.video_plan import plan_video
from cityzoo.demo.videos.write import write_video

__all__ = ["VIDEOS", "Part", "plan_video", "video_frames", "write_video"]
