"""Unlabeled images of a folder: how they are augmented, and what is refused."""

import numpy as np
import pytest
from PIL import Image

from cityzoo import tasks
from cityzoo.data.image.views import sequential_order
from cityzoo.errors import InputError
from cityzoo.modalities.image import unlabelled

TASKS = {name: tasks.find(name) for name in tasks.names() if tasks.find(name).modality.name == "image"}
CLASSIFY = TASKS["vehicle_classify"]
OUTPUTS = {name: task.output_for(("red", "blue")) for name, task in TASKS.items()}


@pytest.fixture(scope="module")
def gray(tmp_path_factory):
    """A folder of eight gray images."""
    folder = tmp_path_factory.mktemp("gray")
    for shade in range(8):
        Image.new("RGB", (64, 64), (30 * shade,) * 3).save(folder / f"{shade}.png")
    return folder


def views(folder, name="vehicle_classify", **flags):
    """Return the weak and the strong views of a folder's images, 64 x 64, in batches of two."""
    common = {
        "unlabelled": folder and str(folder),
        "image_size": (64, 64),
        "batch_size": 2,
        "augment": "none",
    }
    return unlabelled.make_views(CLASSIFY.make_spec({**common, **flags}), OUTPUTS[name])


def count(folder):
    """Return the number of unlabeled images of a folder."""
    return CLASSIFY.modality.count_unlabelled(CLASSIFY.make_spec({"unlabelled": folder and str(folder)}))


@pytest.mark.parametrize(
    ("mix", "values"), [("mosaic", {}), ("mixup", {"share": [0.5, 0.5]}), ("cutmix", {"side": [0.7, 0.7]})]
)
def test_a_weak_image_takes_nothing_from_its_neighbors(gray, mix, values):
    """Of four images together there is no strong copy that shows the same: each comes alone."""
    weak, _ = views(gray, augment=[{"transform": mix, "probability": 1.0, **values}])
    ((images, _, _),) = list(weak.batches(sequential_order(8), 8))
    own = np.stack([np.asarray(Image.open(each.path), np.float32) for each in weak.examples.examples])
    np.testing.assert_array_equal(images.numpy(), own)


def test_no_folder_means_no_views():
    """The number of images is 0."""
    assert views(None) is None and count(None) == 0


@pytest.mark.parametrize("name", ["incident_classify", "vehicle_count", "scene_anomaly"])
def test_other_tasks_are_refused(gray, name):
    """In one line."""
    with pytest.raises(
        InputError, match="^--unlabelled supports single-label classification and detection only"
    ) as caught:
        views(gray, name)
    assert "\n" not in str(caught.value)


def test_fewer_images_than_a_batch_are_refused(gray):
    """With both numbers; as many as a batch are enough."""
    with pytest.raises(InputError, match="holds 8 images, less than a batch of 9: give more, or a smaller"):
        views(gray, batch_size=9)
    weak, strong = views(gray, batch_size=8)
    assert len(weak.examples) == len(strong.examples) == count(gray) == 8
    assert weak.described_policy != strong.described_policy


@pytest.mark.parametrize(("folder", "error"), [("empty", "contains no images"), ("gone", "does not exist")])
def test_a_folder_without_images_is_refused(tmp_path, folder, error):
    """In one line."""
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=error) as caught:
        views(tmp_path / folder)
    assert "\n" not in str(caught.value)
    assert count(tmp_path / folder) == 0


def test_several_processes_are_refused(gray, monkeypatch):
    """Each would read all images, and the comparison is trained by one alone: the others would wait."""
    monkeypatch.setenv("KERAS_DISTRIBUTION_NUM_PROCESSES", "2")
    with pytest.raises(InputError, match="^--unlabelled trains in one process") as caught:
        views(gray)
    assert "\n" not in str(caught.value)
