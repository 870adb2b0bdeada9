import json

import numpy as np

from cityzoo.data.image.finding_kinds import BAD_BOXES, BAD_IMAGES, BAD_LABELS, KINDS
from cityzoo.data.image.findings import FIRST, Findings
from cityzoo.sample import ImageExample, ImageSet


def test_the_report_counts_all_and_names_the_first():
    findings = Findings("roads", "coco")
    for number in range(7):
        findings.add("outside", f"x.json annotation {number}")
    findings.add("grey", "a.jpg")
    findings.add("other class", "a.txt:1")
    box = np.array([[0, 0, 5, 5]])
    findings.describe(
        ImageSet("train", ("car", "bus"), (ImageExample("a", (9, 9), box, [1]), ImageExample("b", (9, 9))))
    )
    places = [f"x.json annotation {number}" for number in range(FIRST)]
    assert findings.text().splitlines() == [
        "data: roads (coco)",
        "  train: 2 images (1 without boxes), 1 boxes: car 0, bus 1",
        f"  boxes outside the image (skipped): 7 ({', '.join(places)}, ...)",
        "  boxes of classes that are not selected (skipped): 1",
        "  grayscale images: 1 (a.jpg)",
    ]
    report = json.loads(json.dumps(findings.as_dict()))
    assert report["findings"]["outside"] == {"count": 7, "first": places}
    assert report["splits"]["train"] == {"images": 2, "without_boxes": 1, "boxes": {"car": 0, "bus": 1}}


def test_every_bad_kind_has_a_meaning():
    assert set(BAD_BOXES) | set(BAD_IMAGES) | set(BAD_LABELS) <= set(KINDS)


def test_labels_of_whole_images_are_counted():
    findings = Findings("flames", "class_folders")
    targets = ([1, 0], [1, 1], [0, 0])
    findings.describe(
        ImageSet("train", ("fire", "smoke"), tuple(ImageExample("a", (9, 9), target=row) for row in targets))
    )
    assert findings.text().splitlines()[1] == "  train: 3 images (1 without labels), labels: fire 2, smoke 1"
    described = json.loads(json.dumps(findings.as_dict()))["splits"]["train"]
    assert described["labels"] == {"fire": 2, "smoke": 1} and described["boxes"] == {"fire": 0, "smoke": 0}


def test_numbers_that_are_no_classes_are_not_counted_as_such():
    findings = Findings("roads", "yolo")
    counted = ImageExample("a", (9, 9), [[0, 0, 5, 5]], [1], target=[7])
    findings.describe(ImageSet("val", ("car", "bus"), (counted,)))
    assert findings.splits["val"] == {"images": 1, "without_boxes": 0, "boxes": {"car": 0, "bus": 1}}
