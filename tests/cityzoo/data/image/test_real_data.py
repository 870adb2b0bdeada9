"""Real data sets beside the repository, if there; totals counted from their files by other means."""

from pathlib import Path

import pytest

from cityzoo.data.image import formats, load
from cityzoo.data.image.formats import class_folders, label_csv

SHARED = Path(__file__).resolve().parents[3].parent / "shared" / "data"
TOTALS = {
    "highway": ((709, 141), 1931, ("bus", "car", "motorbike", "person", "truck")),
    "traffic_cam": ((139, 44), 3496, ("bike", "bus", "car", "truck")),
    "fire_smoke": ((539, 181), 759, ("fire", "default", "smoke")),
}


@pytest.fixture(params=TOTALS)
def real(request):
    if not (SHARED / request.param).is_dir():
        pytest.skip(f"no real data at {SHARED / request.param}")
    return request.param


def test_totals(real):
    sizes, boxes, names = TOTALS[real]
    data = load(str(SHARED / real), progress=False)
    assert (len(data.train), len(data.val)) == sizes
    assert data.train.class_names == names
    assert sum(len(each.labels) for side in (data.train, data.val) for each in side.examples) == boxes
    lines = [
        line for path in (SHARED / real).glob("*/labels/*.txt") for line in path.read_text().splitlines()
    ]
    assert len(lines) == boxes


def test_a_limit_is_quick_and_steady(real):
    data, again = (load(str(SHARED / real), limit=6, progress=False) for _ in range(2))
    assert [each.path for each in data.train.examples] == [each.path for each in again.train.examples]
    assert (len(data.train), len(data.val)) == (6, 6)


def test_no_other_format_takes_it_for_its_own(real):
    assert formats.find(str(SHARED / real))[0] == "yolo"
    assert not class_folders.matches(str(SHARED / real)) and not label_csv.matches(str(SHARED / real))
    assert not load(str(SHARED / real), wants="either", limit=4, progress=False).labeled


def test_scenes_of_real_names():
    if not (SHARED / "traffic_cam").is_dir():
        pytest.skip(f"no real data at {SHARED}")
    data = load(str(SHARED / "traffic_cam"), progress=False, split_by="scene")
    assert {each.scene.partition("_")[0] for each in data.train.examples} == {"scene0", "scene1", "scene2"}
    assert set(data.findings.first["scene on both sides"]) == {"scene0", "scene1", "scene2"}
    assert 1 <= data.findings.counts["near duplicate"] <= 10  # later frames of the same cameras
