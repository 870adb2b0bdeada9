"""Tracks of cityzoo and of ByteTrack in `trackers` on the same detections of a demo video: HOTA, IDF1, MOTA, ms.

    python -m cityzoo demo traffic_video --out video
    python benchmarks/watch_tracking.py video detections.npz --run EXPORTED --threshold 0.3
    pip install trackers==2.6.1 && python benchmarks/watch_tracking.py video detections.npz --threshold 0.3

The detections are written once; the second call needs neither the detector nor TensorFlow. Without the package
`trackers` the table has the tracks of cityzoo alone.
"""

import argparse
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from cityzoo.watch.evaluate.mot_rows import MotRows, read_mot_rows
from cityzoo.watch.evaluate.track_metrics import evaluate_tracks
from cityzoo.watch.tracking import Tracker

COLUMNS = ("HOTA", "DetA", "AssA", "IDF1", "MOTA", "id_switches")
LEAST_OVERLAP = 0.2  # of the first stage, as in cityzoo; the default of `trackers` is 0.1


def detect(video, run):
    """Return boxes, scores, frames and frames per second of a video."""
    from cityzoo.watch.detector import Detector
    from cityzoo.watch.evaluate.baselines import measure_video, read_video

    detector, found = Detector(run), []
    for number, image in enumerate(read_video(video), 1):
        (each,) = detector.detect([image])
        found.append(np.column_stack([np.full(len(each), number), each.boxes, each.scores, each.labels]))
    return np.concatenate(found), number, measure_video(video)[0]


def follow_own(rows, frames, fps, high):
    """Return rows of MOTChallenge and milliseconds per frame of the tracker of cityzoo."""
    tracker, tracks, spent = Tracker(high), [], 0.0
    for frame in range(1, frames + 1):
        own = rows[rows[:, 0] == frame]
        found = SimpleNamespace(boxes=own[:, 1:5], scores=own[:, 5], labels=own[:, 6].astype(int))
        started = time.process_time()
        for track in tracker.update(found, (frame - 1) / fps):
            if track.is_confirmed:
                tracks.append((frame, track.id, track.box))
        spent += time.process_time() - started
    return to_rows(tracks), 1000 * spent / frames


def follow_peer(rows, frames, fps, high):
    """Return the same of ByteTrack in `trackers`."""
    import supervision
    from trackers import ByteTrackTracker

    peer = ByteTrackTracker(
        lost_track_buffer=30,  # frames at 30 frames/s: one second, as in cityzoo
        frame_rate=fps,
        track_activation_threshold=high,
        high_conf_det_threshold=high,
        minimum_consecutive_frames=2,
        minimum_iou_threshold=LEAST_OVERLAP,
    )
    tracks, spent = [], 0.0
    for frame in range(1, frames + 1):
        own = rows[(rows[:, 0] == frame) & (rows[:, 5] >= high / 3)]
        found = supervision.Detections(
            xyxy=own[:, 1:5].astype(np.float32), confidence=own[:, 5], class_id=own[:, 6].astype(int)
        )
        started = time.process_time()
        seen = peer.update(found)
        spent += time.process_time() - started
        tracks += [
            (frame, number, box)
            for number, box in zip(seen.tracker_id, seen.xyxy.tolist(), strict=True)
            if number >= 0
        ]
    return to_rows(tracks), 1000 * spent / frames


def to_rows(tracks):
    """Return frame, id and box of tracks as rows of MOTChallenge."""
    rows = [[frame, number, x1, y1, x2 - x1, y2 - y1, 1, 1] for frame, number, (x1, y1, x2, y2) in tracks]
    return MotRows(np.array(rows, float).reshape(-1, 8))


def main():
    """Detect if that was not done, track, and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("video", type=Path, help="folder of a demo video")
    parser.add_argument("detections", type=Path, help="file to keep the detections in")
    parser.add_argument("--run", type=Path, help="exported detector, for the first call")
    parser.add_argument("--threshold", type=float, default=0.3, help="score at which tracks start")
    given = parser.parse_args()
    if not given.detections.is_file():
        rows, frames, fps = detect(given.video / "video.mp4", given.run)
        np.savez_compressed(given.detections, rows=rows, frames=frames, fps=fps)
    kept = np.load(given.detections)
    rows, frames, fps = kept["rows"], int(kept["frames"]), float(kept["fps"])
    true = read_mot_rows(given.video / "tracks.txt")
    print(f"| tracker | {' | '.join(COLUMNS)} | ms a frame |\n|---|{'--:|' * (len(COLUMNS) + 1)}")
    for name, follow in (("cityzoo", follow_own), ("trackers ByteTrack", follow_peer)):
        try:
            found, spent = follow(rows, frames, fps, given.threshold)
        except ModuleNotFoundError as error:
            print(f"| {name} | not installed: {error.name} |")
            continue
        scores = evaluate_tracks(true, found, range(1, frames + 1))
        cells = [f"{scores[key]:.3f}" for key in COLUMNS[:-1]] + [str(scores["id_switches"])]
        print(f"| {name} | {' | '.join(cells)} | {spent:.2f} |", flush=True)


if __name__ == "__main__":
    main()
