import pytest

from cityzoo.data.image import load
from cityzoo.data.image.formats import plain_frames
from cityzoo.errors import InputError


def test_a_plain_folder_is_read_when_asked(tmp_path, paint):
    for number in range(6):
        paint(tmp_path / f"cam/{number}.jpg")
    with pytest.raises(InputError, match="labels whole images|no annotations"):
        load(str(tmp_path / "cam"))
    data = load(str(tmp_path / "cam"), wants="frames")
    assert len(data.train) + len(data.val) == 6
    assert data.labeled and data.train.class_names == ()
    assert all(each.target.shape == (0,) for each in data.train.examples)
    assert "labels: none" in data.findings.text()
    named = load(str(tmp_path / "cam"), format="plain_frames", wants="either")
    assert len(named.train) == len(data.train)


def test_folders_called_like_splits_are_splits_and_masks_no_images(tmp_path, paint):
    for path in ("train/a.jpg", "val/b.jpg", "masks/val/b.png", "c.jpg"):
        paint(tmp_path / path)
    found = {
        each.path.removeprefix(f"{tmp_path}/"): each.split for each in plain_frames.read(str(tmp_path)).images
    }
    assert found == {"train/a.jpg": "train", "val/b.jpg": "val", "c.jpg": None}
    assert all(each.names == () for each in plain_frames.read(str(tmp_path)).images)


def test_labelled_data_is_read_as_such(tmp_path, paint):
    for path in ("normal/a.png", "normal/b.png", "odd/c.png", "odd/d.png"):
        paint(tmp_path / path)
    assert load(str(tmp_path), wants="frames").train.class_names == ("normal", "odd")


def test_train_on_normal_frames_and_judge_others(tmp_path, paint):
    for path in ("plain/1.png", "plain/2.png", "seen/good/3.png", "seen/crash/4.png"):
        paint(tmp_path / path)
    data = load(str(tmp_path / "plain"), val=str(tmp_path / "seen"), wants="frames")
    assert data.val.class_names == ("crash", "good")
    assert [each.target.tolist() for each in data.train.examples] == [[0, 0], [0, 0]]
    assert [each.target.tolist() for each in data.val.examples] == [[1, 0], [0, 1]]


def test_what_is_no_folder_of_images(tmp_path, paint, write_lines):
    assert not plain_frames.matches(str(paint(tmp_path / "a.jpg")))
    write_lines(tmp_path / "notes/a.txt", "x")
    assert not plain_frames.matches(str(tmp_path / "notes"))
    with pytest.raises(InputError, match="no annotations"):
        load(str(tmp_path / "notes"), wants="frames")
