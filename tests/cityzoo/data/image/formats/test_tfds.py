"""A real data set of TensorFlow Datasets, prepared here; no network."""

import builtins
import io
import time

import numpy as np
import pytest
from PIL import Image

from cityzoo.data.image import load
from cityzoo.data.image.decode import read_image
from cityzoo.data.image.formats import tfds as reader
from cityzoo.data.image.tfds_features import BoxFeature, LabelFeature, class_names, feature_of
from cityzoo.errors import InputError

tfds = pytest.importorskip("tensorflow_datasets")
SPLITS = {"train": 4, "validation": 2, "test": 1}


class TinyRoads(tfds.core.GeneratorBasedBuilder):
    """Images with one white rectangle each; objects as kitti has them: two ClassLabels beside the box."""

    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        objects = {
            "occluded": tfds.features.ClassLabel(num_classes=4),
            "bbox": tfds.features.BBoxFeature(),
            "type": tfds.features.ClassLabel(names=["car", "bus"]),
            "is_crowd": np.bool_,
        }
        features = {"image": tfds.features.Image(), "objects": tfds.features.Sequence(objects)}
        return self.dataset_info_from_configs(features=tfds.features.FeaturesDict(features))

    def _split_generators(self, dl_manager):
        return {split: self._generate_examples(split, count) for split, count in SPLITS.items()}

    def _generate_examples(self, split, count):
        for number in range(count):
            image = Image.new("RGB", (64, 48), (number, len(split), 0))
            image.paste((255, 255, 255), (10 + number, 6, 30 + number, 42))
            file = io.BytesIO()
            image.save(file, "PNG")
            file.seek(0)
            box = tfds.features.BBox(
                ymin=6 / 48, xmin=(10 + number) / 64, ymax=42 / 48, xmax=(30 + number) / 64
            )
            whole = tfds.features.BBox(ymin=0.0, xmin=0.0, ymax=1.0, xmax=1.0)
            objects = [
                {"bbox": box, "type": "bus", "occluded": 3, "is_crowd": False},
                {"bbox": whole, "type": "car", "occluded": 0, "is_crowd": True},
            ]
            yield number, {"image": file, "objects": objects if number else []}


class TinyFlames(tfds.core.GeneratorBasedBuilder):
    """Images with a class each, the last of each split with none."""

    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        features = {
            "image": tfds.features.Image(),
            "camera": tfds.features.ClassLabel(num_classes=9),
            "label": tfds.features.ClassLabel(names=["smoke", "fire"]),
        }
        return self.dataset_info_from_configs(features=tfds.features.FeaturesDict(features))

    def _split_generators(self, dl_manager):
        return {split: self._generate_examples(split, count) for split, count in SPLITS.items()}

    def _generate_examples(self, split, count):
        for number in range(count):
            file = io.BytesIO()
            Image.new("RGB", (64, 48), (number, len(split), 9)).save(file, "PNG")
            file.seek(0)
            label = -1 if number == count - 1 else number % 2
            yield number, {"image": file, "camera": 3, "label": label}


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tfds")
    TinyRoads(data_dir=folder).download_and_prepare()
    TinyFlames(data_dir=folder).download_and_prepare()
    return folder


@pytest.fixture(autouse=True)
def use_data_dir(data_dir, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", str(data_dir))


def test_boxes_are_where_the_rectangles_are(find_white, cache_home):
    data = load("tfds:tiny_roads")
    assert (len(data.train), len(data.val)) == (4, 2)
    assert data.train.class_names == ("car", "bus")
    for image in (*data.train.examples, *data.val.examples):
        assert str(cache_home) in image.path
        if len(image.labels):
            np.testing.assert_allclose(image.boxes_xyxy, [find_white(read_image(image.path))], atol=1e-4)
            assert image.labels.tolist() == [1]
    assert sum(len(each.labels) == 0 for each in data.train.examples) == 1
    assert data.findings.counts["crowd"] == 4
    assert "index.json 00" in data.findings.first["crowd"][0]


def test_a_named_split_is_divided():
    data = load("tfds:tiny_roads:train")
    assert len(data.train) + len(data.val) == 4
    assert len(reader.read("tfds:tiny_roads:train[:50%]").images) == 2


def test_the_images_are_written_once(monkeypatch):
    load("tfds:tiny_roads")
    monkeypatch.setattr(reader, "_export_example", lambda *args: pytest.fail("written again"))
    assert len(load("tfds:tiny_roads").train) == 4


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("tfds:tiny_roads:val", "has no split 'val': allowed are .*validation"),
        ("tfds:tiny_roads:train[:x]", "split 'train.:x.'"),
        ("tfds:vocc", "unknown tfds data set 'vocc': did you mean 'voc'"),
        ("tfds:titanic", "no images with boxes or a class"),
        ("tfds:voc/1999", "cannot be used"),
    ],
)
def test_bad_names_are_one_clear_line(source, message):
    with pytest.raises(InputError, match=message) as raised:
        load(source)
    assert "\n" not in str(raised.value)


def test_without_a_network_it_says_so_in_bounded_time(monkeypatch):
    monkeypatch.setattr(reader, "PROBE_SECONDS", 0.2)

    def resolve_slowly(*args, **more):
        time.sleep(2)
        raise OSError("no such host")

    monkeypatch.setattr(reader.urllib.request, "urlopen", resolve_slowly)
    start = time.monotonic()
    with pytest.raises(InputError, match="download failed.*tfds build voc/2007.*TFDS_DATA_DIR"):
        load("tfds:voc/2007")
    assert time.monotonic() - start < 1.9


def test_a_missing_package_is_named_with_its_command(monkeypatch):
    original = builtins.__import__

    def without(name, *args, **more):
        if name == "tensorflow_datasets":
            raise ImportError("No module named 'tensorflow_datasets'")
        return original(name, *args, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(InputError, match="pip install tensorflow-datasets"):
        load("tfds:tiny_roads")


def test_the_specification_tells_where_boxes_are():
    features = {
        "photo": tfds.features.Image(),
        "tags": tfds.features.Sequence(tfds.features.ClassLabel(num_classes=3)),
        "faces": tfds.features.Sequence({"bbox": tfds.features.BBoxFeature(), "blur": np.uint8}),
    }
    found = feature_of(tfds, tfds.features.FeaturesDict(features), "x")
    assert found == BoxFeature("photo", "faces", "bbox", None)
    assert class_names(tfds.features.FeaturesDict(features), found) == ("faces",)
    features = {
        "photo": tfds.features.Image(),
        "age": np.uint8,
        "style": tfds.features.ClassLabel(names=["a", "b"]),
    }
    found = feature_of(tfds, tfds.features.FeaturesDict(features), "x")
    assert found == LabelFeature("photo", "style")
    assert class_names(tfds.features.FeaturesDict(features), found) == ("a", "b")


def test_a_class_an_image_becomes_the_target():
    data = load("tfds:tiny_flames", wants="labels")
    assert data.train.class_names == ("smoke", "fire")
    assert sorted(each.target.tolist() for each in data.train.examples) == [[0, 1], [1, 0], [1, 0]]
    assert len(data.val) == 1
    assert data.findings.counts["no label"] == 2
    with pytest.raises(InputError, match="no boxes.*vehicle_classify"):
        load("tfds:tiny_flames")
    with pytest.raises(InputError, match="no labels of whole images.*path,label"):
        load("tfds:tiny_roads", wants="labels")
