"""Clips: when they begin and end, what is covered in them, and that nothing uncovered reaches a disk."""

import io
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from cityzoo.errors import InputError
from cityzoo.redact.redactor import Redactor
from cityzoo.redact.regions import Region
from cityzoo.security.encryption import open_encrypted
from cityzoo.security.encryption_keys import EncryptionKeys
from cityzoo.watch.detector import Detections
from cityzoo.watch.evidence import recorder as recorder_module
from cityzoo.watch.evidence.recorder import EvidenceRecorder
from cityzoo.watch.evidence.redaction import Redaction
from cityzoo.watch.evidence.store import ClipStore
from cityzoo.watch.evidence.watched_video import WatchedVideo
from cityzoo.watch.frames import Frame
from cityzoo.watch.scene import Scene, Zone, parse_scene
from cityzoo.watch.sources.health import iso_time
from cityzoo.watch.tracking import Track

av = pytest.importorskip("av")
NAMES = ("car", "person", "dog")
RED, BLUE = (250, 0, 0), (0, 0, 250)  # painted stripes of what must not be stored
START = 1_700_000_000.0


def street(hw=(96, 160)):
    """An empty street."""
    return np.full((*hw, 3), (90, 110, 90), np.uint8)


def paint(image, box):
    """Paint stripes of red and blue, which no covered region can show."""
    x1, y1, x2, y2 = box
    image[y1:y2, x1:x2] = RED
    image[y1:y2, x1:x2:4] = image[y1:y2, x1 + 1 : x2 : 4] = BLUE


def is_shown(image):
    """Whether the red and the blue of the stripes are there, side by side: means of blocks are purple."""
    pixels = image.astype(int)
    red = (pixels[..., 0] > 180) & (pixels[..., 2] < 90)
    return bool(red.sum() > 20)


def detections(rows):
    """Return detections of (box, score, label)."""
    boxes = np.array([row[0] for row in rows], np.float32).reshape(-1, 4)
    scores, labels = (
        np.array([row[column] for row in rows], kind) for column, kind in ((1, np.float32), (2, int))
    )
    return Detections(boxes, scores, labels)


def observe(index, image, rows=(), tracks=(), fps=10.0, camera="north", everything=None):
    """Return an observation, as CameraWatch makes it."""
    frame = Frame(camera, index, START + index / fps, index / fps, image)
    found = detections(rows)
    if everything is not None:
        found = Detections(found.boxes, found.scores, found.labels, detections(everything))
    return SimpleNamespace(frame=frame, detections=found, tracks=list(tracks), crossings=[])


def alarm_at(seconds, camera="north", kind="stopped"):
    """Return an alarm."""
    return {"type": kind, "camera": camera, "time": iso_time(START + seconds)}


def read(content):
    """Return times and images of a clip."""
    with av.open(io.BytesIO(content)) as container:
        return [(frame.time, frame.to_ndarray(format="rgb24")) for frame in container.decode(video=0)]


def walk(recorder, frames=100, rows=lambda index, box: [(box, 0.3, 1)], start=None, everything=None):
    """A person walks through the image; return the clip of an alarm at second 5."""
    name = None
    for index in range(frames):
        image, x = street(), 20 + index
        box = (x, 30, x + 20, 70)
        paint(image, box)
        seen = None if everything is None else everything(index, box)
        recorder.update(observe(index, image, rows(index, box), everything=seen))
        if index == 50:
            name = recorder.start(start or alarm_at(5.0))
    recorder.close()
    return name


def test_a_clip_has_the_seconds_before_and_after_and_no_uncovered_person(tmp_path):
    recorder = EvidenceRecorder(ClipStore(tmp_path), NAMES, seconds=(2.0, 3.0))
    name = walk(recorder)
    assert name == "evidence/2023-11-14/221325.000-north-stopped.mp4"
    clip = read((tmp_path / name).read_bytes())
    times = [seconds for seconds, _ in clip]
    np.testing.assert_allclose(times, np.arange(51) / 10, atol=1e-6)  # 3.0 s to 8.0 s
    assert not any(is_shown(image) for _, image in clip)
    assert (tmp_path / name).stat().st_mode & 0o077 == 0
    assert recorder.summary()["sent"] == 1


def test_none_must_be_written_out_and_shows_everything_but_privacy_zones(tmp_path):
    zone = Zone("house", ((0, 0), (0.4, 0), (0.4, 1), (0, 1)), "privacy")
    scenes, off = {"north": Scene(zones=(zone,))}, Redaction.from_name("none")
    recorder = EvidenceRecorder(ClipStore(tmp_path), NAMES, scenes, off, (3.0, 2.0))
    clip = read((tmp_path / walk(recorder)).read_bytes())
    assert is_shown(clip[-1][1])
    assert not any(is_shown(image[:, :60]) for _, image in clip)
    assert abs(clip[0][1][:, :60].astype(int) - 114).max() < 12


def test_a_person_who_is_missed_for_some_frames_stays_covered_on_the_way(tmp_path):
    def found(index, box):
        return [] if index in range(43, 48) or index < 35 else [(box, 0.3, 1)]

    recorder = EvidenceRecorder(ClipStore(tmp_path), NAMES, seconds=(2.0, 2.0))
    clip = read((tmp_path / walk(recorder, rows=found)).read_bytes())
    assert [
        index for index, (_, image) in enumerate(clip) if is_shown(image)
    ] == []  # 30..34 before the first, too


def test_people_that_tracking_does_not_use_are_covered(tmp_path):
    """A person in front of a car is no detection of its own after boxes of several classes were joined."""
    recorder = EvidenceRecorder(ClipStore(tmp_path), NAMES, seconds=(2.0, 2.0))
    name = walk(recorder, rows=lambda index, box: [], everything=lambda index, box: [(box, 0.12, 1)])
    assert not any(is_shown(image) for _, image in read((tmp_path / name).read_bytes()))


def test_the_background_hides_whom_no_detector_finds(tmp_path):
    track = Track(7, (60, 20, 80, 60), 0.4, 0, 1.0, 3.0, True)
    red = Redaction.from_name("background")
    recorder = EvidenceRecorder(ClipStore(tmp_path), NAMES, redaction=red, seconds=(2.0, 3.0))
    for index in range(200):
        image = street()
        paint(image, (index % 140, 30, index % 140 + 20, 70))
        recorder.update(observe(index, image, tracks=[track]))
        if index == 150:
            name = recorder.start(alarm_at(15.0))
    recorder.close()
    clip = read((tmp_path / name).read_bytes())
    assert len(clip) == 51
    assert not any(is_shown(image[62:]) for _, image in clip)
    shown = clip[-1][1].astype(int)
    assert abs(shown[80:] - (90, 110, 90)).max() < 12  # the street
    assert abs(shown[30, 60] - (230, 25, 75)).max() < 60  # the box


def test_what_finders_find_is_covered_in_frames_and_in_the_background(tmp_path):
    box = (100, 30, 130, 70)

    class Finder:
        def find(self, image):
            return [Region("plate", box)]

    for name in ("pixelate", "background"):
        out, red = tmp_path / name, replace(Redaction.from_name(name), finders=Redactor([Finder()]))
        recorder = EvidenceRecorder(ClipStore(out), NAMES, redaction=red, seconds=(2.0, 3.0))
        for index in range(80):
            image = street()
            paint(image, box)
            recorder.update(observe(index, image))
            if index == 70:
                clip = recorder.start(alarm_at(7.0))
        recorder.close()
        assert not any(is_shown(image) for _, image in read((out / clip).read_bytes()))


def test_incidents_that_follow_each_other_share_a_clip_up_to_a_minute(tmp_path):
    recorder = EvidenceRecorder(ClipStore(tmp_path), NAMES, seconds=(2.0, 5.0))
    names = {}
    for index in range(300):
        recorder.update(observe(index, street(), fps=2.0))
        if index % 6 == 0:
            names[index] = recorder.start(alarm_at(index / 2))
    recorder.close()
    assert len(set(names.values())) == 3  # 150 s
    lengths = [read((tmp_path / name).read_bytes())[-1][0] for name in sorted(set(names.values()))]
    assert max(lengths) <= 60
    assert lengths[0] > 50


def test_a_camera_that_is_lost_gives_its_clip_at_once(tmp_path):
    recorder = EvidenceRecorder(ClipStore(tmp_path), NAMES)
    for index in range(30):
        recorder.update(observe(index, street()))
    name = recorder.start(alarm_at(2.9))
    assert recorder.start(alarm_at(2.9, "south")) is None
    recorder.send({"type": "source", "camera": "north", "what": "lost"})
    missing = recorder.start(alarm_at(60, kind="source"))  # the camera is missing: the last that it has seen
    recorder.close()
    assert len(read((tmp_path / name).read_bytes())) == 30
    assert missing.endswith("221322.900-north-source.mp4")
    assert len(read((tmp_path / missing).read_bytes())) == 30


def test_what_cannot_be_written_is_counted_and_reported(tmp_path, monkeypatch):
    reports = []
    recorder = EvidenceRecorder(ClipStore(tmp_path), NAMES, report=reports.append)

    def fail(*words):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(recorder.store, "write", fail)
    walk(recorder)
    assert recorder.summary()["lost"] == 1
    assert "No space left" in reports[0]["detail"]


def test_a_redactor_that_fails_stores_nothing(tmp_path):
    class Broken:
        def find(self, image):
            raise RuntimeError("of a network")

    recorder = EvidenceRecorder(ClipStore(tmp_path), NAMES, redaction=Redaction(finders=Redactor([Broken()])))
    walk(recorder)
    assert list((tmp_path / "evidence").rglob("*.mp4")) == []
    assert recorder.left_out == 1


def test_clips_are_encrypted_on_request(tmp_path):
    keys = EncryptionKeys((bytes(range(32)),))
    recorder = EvidenceRecorder(ClipStore(tmp_path, keys), NAMES)
    name = walk(recorder)
    assert name.endswith(".mp4.enc")
    assert b"ftyp" not in (tmp_path / name).read_bytes()
    with open_encrypted(tmp_path / name, "rb", keys) as file:
        assert len(read(file.read())) == 100


def test_the_store_keeps_to_its_size_and_age(tmp_path):
    store = ClipStore(tmp_path, most_bytes=250, days=1)
    names = [store.name("a/b", "wrong way", START + second) for second in range(4)]
    assert names[0] == "evidence/2023-11-14/221320.000-a_b-wrong_way.mp4"
    for name in names:
        store.write(name, bytes(100))
    assert [(tmp_path / name).exists() for name in names] == [False, False, True, True]
    import os

    os.utime(tmp_path / names[2], (0, 0))
    store.make_room()
    assert [(tmp_path / name).exists() for name in names[2:]] == [False, True]


def test_a_detector_that_finds_nobody_needs_another_one(tmp_path, caplog):
    with pytest.raises(InputError, match="faces"):
        EvidenceRecorder(ClipStore(tmp_path), ("dog", "tree"))
    EvidenceRecorder(
        ClipStore(tmp_path), ("dog", "tree"), redaction=Redaction.from_name("background")
    ).close()
    EvidenceRecorder(ClipStore(tmp_path), ("car",)).close()
    assert "knows no people" in caplog.text
    with pytest.raises(InputError, match="alone"):
        Redaction.from_name("none+fill")


def test_the_watched_video_shows_counts_over_the_empty_street(tmp_path):
    scene = parse_scene({"lines": [{"name": "north", "points": [[0.1, 0.5], [0.9, 0.5]]}]})
    video = WatchedVideo(tmp_path / "watched.mp4", NAMES, scene)
    recorder = EvidenceRecorder(ClipStore(tmp_path), NAMES, {"north": scene}, videos={"north": video})
    walk(recorder, 120)
    frames = read((tmp_path / "watched.mp4").read_bytes())
    assert len(frames) == 120
    np.testing.assert_allclose([seconds for seconds, _ in frames], np.arange(120) / 10, atol=1e-6)
    assert not any(is_shown(image[20:30]) or is_shown(image[54:]) for _, image in frames)
    line = frames[-1][1][48, 120:140].astype(int)
    assert (line[:, 0] - line[:, 2]).min() > 80  # yellow


def test_large_frames_are_stored_small_and_covered(tmp_path):
    recorder = EvidenceRecorder(ClipStore(tmp_path), NAMES, seconds=(1.0, 1.0))
    for index in range(30):
        image, box = street((1080, 1920)), (400 + 10 * index, 300, 600 + 10 * index, 700)
        paint(image, box)
        track = Track(7, box, 0.4, 1, 1.0, 3.0, True)
        recorder.update(observe(index, image, [(box, 0.3, 1)], [track]))
        if index == 15:
            name = recorder.start(alarm_at(1.5))
    recorder.close()
    clip = read((tmp_path / name).read_bytes())
    assert clip[0][1].shape == (540, 960, 3)
    assert not any(is_shown(image[162:338]) for _, image in clip)  # inside of the drawn box
    left = clip[0][1][250, 240 - 40 : 240 + 80].astype(int)
    assert (
        abs(left - (60, 180, 75)).sum(axis=1).min() < 90
    )  # the box of the track, where it is in the small image


def test_too_many_clips_at_once_are_left_out(tmp_path, monkeypatch):
    monkeypatch.setattr(recorder_module, "MOST_WAITING", 0)
    recorder = EvidenceRecorder(ClipStore(tmp_path), NAMES)
    walk(recorder)
    assert recorder.left_out == 1
