"""The split of the plates: scenes stay together."""

from benchmarks.redacted_plates import find_scenes, split


def test_scenes_stay_together(tmp_path):
    """Twelve scenes of two frames: six train, two choose the score, four are held out; none is in two parts."""
    for kind, suffix in (("images", "jpg"), ("labels", "txt")):
        (tmp_path / "data/train" / kind).mkdir(parents=True)
        for scene in range(12):
            for second in (0, 20):
                (tmp_path / f"data/train/{kind}/ride.mp4#t={100 * scene + second}.{suffix}").touch()
    assert [len(scene) for scene in find_scenes((tmp_path / "data/train/images").iterdir())] == [2] * 12
    split(tmp_path / "data", tmp_path / "work")
    parts = {}
    for part in ("plates/train", "plates/val", "test/train"):
        images = {path.stem for path in (tmp_path / "work" / part / "images").iterdir()}
        assert images == {path.stem for path in (tmp_path / "work" / part / "labels").iterdir()}
        parts[part] = {int(name.rpartition("=")[2]) // 100 for name in images}
    assert {part: len(scenes) for part, scenes in parts.items()} == {
        "plates/train": 6,
        "plates/val": 2,
        "test/train": 4,
    }
    assert set.union(*parts.values()) == set(range(12))
