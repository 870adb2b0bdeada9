import pytest

from cityzoo.data.image import formats, load
from cityzoo.errors import InputError

ROW = "Car 0.00 0 1.5 {} {} {} {} 1.5 1.6 3.9 1 1 9 0.1"


@pytest.mark.parametrize(
    ("images", "labels"),
    [
        ("training/image_2", "training/label_2"),
        ("image_2", "label_2"),
        ("images", "labels"),
        ("train/images", "train/labels"),
    ],
)
def test_boxes_are_pixels_and_regions_without_labels_are_skipped(
    tmp_path, paint, write_lines, images, labels
):
    for number in range(6):
        paint(tmp_path / images / f"{number}.png")
        other = ROW.format(5, 6, 20, 30).replace("Car", "Van")
        rows = [ROW.format(1.5, 2, 30, 40), other, ROW.format(0, 0, 5, 5).replace("Car", "DontCare")]
        write_lines(tmp_path / labels / f"{number}.txt", *rows)
    paint(tmp_path / "testing/image_2/7.png")
    assert formats.find(str(tmp_path))[0] == "kitti"
    data = load(str(tmp_path))
    assert data.train.class_names == ("Car", "Van")
    image = data.train.examples[0]
    assert (image.boxes_xyxy.tolist(), image.labels.tolist()) == ([[1.5, 2, 30, 40], [5, 6, 20, 30]], [0, 1])
    assert (len(data.train) + len(data.val), data.findings.counts["crowd"]) == (6, 6)


def test_malformed_rows_are_named_with_their_line(tmp_path, paint, write_lines):
    paint(tmp_path / "image_2/a.png"), paint(tmp_path / "image_2/b.png")
    write_lines(tmp_path / "label_2/a.txt", ROW.format(1, 2, 30, 40))
    write_lines(tmp_path / "label_2/b.txt", ROW.format(1, 2, 30, 40), "Car 1 2 3", ROW.format(1, "x", 3, 4))
    with pytest.raises(InputError, match="2 of 4 boxes are bad .*label_2/b.txt:2, label_2/b.txt:3"):
        load(str(tmp_path))
