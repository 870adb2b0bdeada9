import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import zoo
from zoo import registry

ROOT = Path(__file__).resolve().parents[2]


def test_no_name_stands_twice_in_the_table():
    tree = ast.parse((ROOT / "zoo" / "registry.py").read_text())
    tables = [node for node in ast.walk(tree) if isinstance(node, ast.Dict) and len(node.keys) > 5]
    keys = [[key.value for key in table.keys] for table in tables]
    assert sorted(map(len, keys)) == sorted((len(registry.FAMILIES), len(registry.BACKBONES)))


def test_every_architecture_of_keras_applications_is_in_the_table():
    import keras

    builders = {name for name in dir(keras.applications) if re.match(r"[A-Z]", name)}
    assert {row.builder for row in registry.BACKBONES.values()} == builders
    assert len(builders) == 40


def test_every_row_is_another_network_of_a_known_family():
    rows = list(registry.BACKBONES.values())
    assert len({(row.builder, row.alpha) for row in rows}) == len(rows)
    assert len({row.weights_url for row in rows}) == len(rows)
    assert {row.family for row in rows} == set(registry.FAMILIES)


def test_an_unknown_name_is_answered_with_the_nearest_and_all():
    with pytest.raises(ValueError, match="did you mean 'resnet50'") as caught:
        registry.get("resnet-50")
    message = str(caught.value)
    assert all(name in message for name in registry.names())
    assert "\n" not in message


@pytest.mark.parametrize("name", ["VGG16", "vgg", "", "vgg16 "])
def test_names_match_exactly(name):
    with pytest.raises(ValueError, match="unknown backbone"):
        registry.get(name)


def test_importing_the_table_and_the_list_loads_no_framework():
    code = (
        "import sys, zoo, zoo.registry; zoo.rows(); zoo.names();"
        "heavy = {'keras', 'tensorflow', 'numpy', 'h5py'} & set(sys.modules);"
        "sys.exit(str(heavy) if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def _asked_by_keras(row, monkeypatch):
    """Return what Keras itself would download: name in the cache, URL, subfolder, hash."""
    import keras
    from keras.src.utils import file_utils

    class Stop(Exception):
        pass

    asked = []

    def get_file(fname, origin, cache_subdir=None, file_hash=None, md5_hash=None, **_):
        asked.append((fname, origin, cache_subdir, file_hash or md5_hash))
        raise Stop

    monkeypatch.setattr(file_utils, "get_file", get_file)
    size = row.default_size if row.family in ("nasnet", "inception_v3", "inception_resnet_v2") else 224
    with pytest.raises(Stop):
        getattr(keras.applications, row.builder)(
            include_top=False, weights="imagenet", input_shape=(size, size, 3), **row.kwargs
        )
    return asked[0]


SMALL = [
    "vgg16",
    "mobilenet_075",
    "mobilenet_v2_130",
    "mobilenet_v3_large_075",
    "resnet50v2",
    "convnext_tiny",
]
REST = [pytest.param(name, marks=pytest.mark.slow) for name in registry.names() if name not in SMALL]


@pytest.mark.parametrize("name", [*SMALL, *REST])
def test_url_file_and_hash_are_those_that_keras_uses(name, monkeypatch):
    row = registry.get(name)
    assert _asked_by_keras(row, monkeypatch) == (
        row.weights_file,
        row.weights_url,
        "models",
        row.weights_hash,
    )


def test_a_row_for_every_backbone(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / registry.get("vgg19").weights_file).write_bytes(b"x")
    rows = {row.name: row for row in zoo.rows()}
    assert sorted(rows) == zoo.names()
    assert [name for name, row in rows.items() if row.cached] == ["vgg19"]
    assert {name for name, row in rows.items() if not row.levels} == {
        "inception_v3",
        "inception_resnet_v2",
        "nasnet_mobile",
        "nasnet_large",
    }
    assert rows["efficientnet_b7"].default_size == 600
