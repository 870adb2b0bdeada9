"""What TensorBoard's projector reads: features, names and labels in the same order, a sprite of the images."""

from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from cityzoo.evaluation import projector
from cityzoo.modalities import embedding
from cityzoo.sample import ImageExample, ImageSet

SHADES = (40, 90, 140, 190, 240)


@pytest.fixture
def run(monkeypatch):
    """A run whose features are the image's number, and whose pictures have a shade each, twice as wide as high."""
    monkeypatch.setattr(
        embedding, "embed", lambda modality, model, output, examples: np.eye(8)[: len(examples)]
    )

    def render(output, example, result, labeled):
        return np.full((30, 60, 3), SHADES[int(example.path[0])], np.uint8)

    def select(examples, rows):
        return ImageSet("val", examples.class_names, tuple(examples.examples[row] for row in rows))

    modality = SimpleNamespace(
        render=render,
        select=select,
        groups=lambda found: [f"camera {n}" for n, _ in enumerate(found.examples)],
    )
    summary = SimpleNamespace(summarize_predictions=lambda e, results, f, s: SimpleNamespace(results=results))
    output = SimpleNamespace(class_names=("car", "bus"), **vars(summary))
    return SimpleNamespace(
        task=SimpleNamespace(modality=modality),
        model=None,
        output=output,
        facts={},
        results=lambda found: [None] * len(found.examples),
    )


@pytest.fixture
def examples():
    """Five images with as many cars as their number, the last with a bus, too."""
    labels = [np.array([0] * n + [1] * (n == 4), np.int32) for n in range(5)]
    found = [
        ImageExample(f"{n}.png", (30, 60), np.tile(np.float32([0, 0, 9, 9]), (len(each), 1)), each)
        for n, each in enumerate(labels)
    ]
    return ImageSet("val", ("car", "bus"), tuple(found))


def test_a_row_for_each_image(run, examples, tmp_path):
    """Features, the image's name, its boxes and its camera, in the same order."""
    assert projector.write_projector(run, examples, tmp_path / "new") == 5
    features = np.loadtxt(tmp_path / "new" / projector.TENSORS, delimiter="\t", ndmin=2)
    np.testing.assert_array_equal(features, np.eye(8)[:5])
    rows = [line.split("\t") for line in (tmp_path / "new" / projector.METADATA).read_text().splitlines()]
    assert rows[0] == ["name", "label", "group"]
    assert rows[2] == ["1.png", "1 car", "camera 1"] and rows[5] == ["4.png", "4 car, 1 bus", "camera 4"]


def test_the_sprite_holds_the_images_in_rows(run, examples, tmp_path):
    """A square of cells, each image in the middle of its own; those without an image are black."""
    projector.write_projector(run, examples, tmp_path)
    side = projector.SIDE
    sprite = np.asarray(Image.open(tmp_path / projector.SPRITE))
    assert sprite.shape == (3 * side, 3 * side, 3)
    centers = sprite[side // 2 :: side, side // 2 :: side, 0].ravel()
    assert centers.tolist() == [*SHADES, 0, 0, 0, 0] and sprite[2, side // 2, 0] == 0
    assert f"[{side}, {side}]" in (tmp_path / "projector_config.pbtxt").read_text()


def test_texts_have_no_sprite(run, examples, tmp_path):
    run.task.modality.render = lambda *_, **__: None
    projector.write_projector(run, examples, tmp_path)
    assert not (tmp_path / projector.SPRITE).exists()
    assert "sprite" not in (tmp_path / "projector_config.pbtxt").read_text()
