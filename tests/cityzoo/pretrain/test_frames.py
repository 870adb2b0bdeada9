"""Which frames are neighbours, and which images are too much alike."""

import numpy as np
import pytest
from PIL import Image

from cityzoo.errors import InputError
from cityzoo.pretrain.frames import FramesReader, require_distinct
from cityzoo.pretrain.images import pair_rows


def pattern(seed, side=48):
    """Large colored cells, which a perceptual hash tells apart."""
    cells = np.random.default_rng(seed).integers(0, 255, (8, 9, 3), dtype=np.uint8)
    return Image.fromarray(cells).resize((side, side), Image.Resampling.NEAREST)


@pytest.fixture(scope="module")
def frames(tmp_path_factory):
    """Camera 1 stands still for 11 frames; camera 2's are numbered and show something else each time."""
    folder = tmp_path_factory.mktemp("frames")
    for camera in ("cam1", "cam2"):
        for split in ("train", "val"):
            (folder / split / camera).mkdir(parents=True)
    for number in range(11):
        image = pattern(1)
        image.paste((number * 20, 0, 0), (20, 20, 22, 22))
        image.save(folder / "train" / "cam1" / f"cam1_{number}.png")
        pattern(100 + number).save(folder / "train" / "cam2" / f"cam2_{number}.png")
        pattern(200 + number).save(folder / "val" / "cam2" / f"cam2_{90 + number}.png")
    return folder


def test_frames_are_placed_in_the_order_of_their_numbers(frames):
    """Frame 10 comes after frame 9, and frames that look different are no neighbours."""
    train = FramesReader()(str(frames), progress=False).train
    places = {image.path.rpartition("/")[2]: image.target[0] for image in train.examples}
    assert [places[f"cam1_{n}.png"] - places["cam1_0.png"] for n in range(11)] == list(range(11))
    assert min(np.diff(sorted(places[f"cam2_{n}.png"] for n in range(11)))) >= 64
    assert all(not len(image.labels) for image in train.examples)


def test_partners_are_neighbours_of_the_row(frames):
    """About half of them, at most two frames away; a row without neighbours is its own partner."""
    train = FramesReader()(str(frames), progress=False).train
    places = np.array([image.target[0] for image in train.examples])
    rows = lambda: ((row, view) for view in range(40) for row in range(22))  # noqa: E731
    found = list(pair_rows(rows, places, 2, seed=0)())
    distance = np.array(
        [abs(places[a] - places[b]) for (a, _), (b, _) in zip(found[::2], found[1::2], strict=True)]
    )
    still = np.array([places[a] < 11 for a, _ in found[::2]])
    assert distance.max() <= 2 and not distance[~still].any()
    assert 0.4 < (distance[still] > 0).mean() < 0.6
    assert all(other == view + 1 for (_, view), (_, other) in zip(found[::2], found[1::2], strict=True))


def test_near_duplicates_are_refused(frames):
    """Eleven frames of one still camera are one image; with camera 2 there are enough."""
    train = FramesReader()(str(frames), progress=False).train
    require_distinct(train, "frames")
    still = type(train)("train", train.class_names, train.examples[:11])
    with pytest.raises(InputError, match="of 11 images of 'frames'.* 1 differ"):
        require_distinct(still, "frames")
