"""Two backbones as one: the same features, stages that split the graph, and misuse."""

import keras
import numpy as np
import pytest

import zoo
import zoo.registry
from zoo.joint_backbone import split_weights
from zoo.pretrained import Origin

pytestmark = pytest.mark.usefixtures("tiny_backbones")


@pytest.fixture(scope="module")
def parts():
    """The backbones on their own, with weights of a fixed seed."""
    made = [zoo.build(name, 64, "random").model for name in ("tiny", "tiny_wide")]
    for seed, part in enumerate(made):
        rng = np.random.default_rng(seed)
        part.set_weights([rng.uniform(0.2, 0.6, w.shape) for w in part.get_weights()])
    return made


@pytest.fixture(scope="module")
def joined(parts):
    """Both in one."""
    from zoo.joint_backbone import join_backbones

    return join_backbones(parts, "both")


@pytest.fixture(scope="module")
def images():
    """Two."""
    return np.random.default_rng(5).uniform(0, 255, (2, 64, 64, 3)).astype("float32")


def test_levels_are_those_of_both_side_by_side(parts, joined, images):
    """Channel by channel; the parts are unchanged."""
    found, (one, two) = joined(images), [part(images) for part in parts]
    for level in ("P3", "P4", "P5"):
        np.testing.assert_allclose(found[level], np.concatenate([one[level], two[level]], axis=-1), rtol=1e-5)
    assert len({layer.name for layer in joined.layers}) == len(joined.layers)


def test_stages_split_and_freeze_it(joined, images):
    """As those of one backbone: a prefix and the rest compute what the whole does."""
    assert [name for name in zoo.stages(joined) if name >= "C3"] == ["C3", "C4", "C5"]
    before = zoo.prefix(joined, "C4")
    whole, after = joined(images), zoo.suffix(before, joined)(before(images))
    for level, values in after.items():
        np.testing.assert_allclose(values, whole[level], rtol=1e-5)
    zoo.freeze(joined, "C4")
    trainable = {layer.name for layer in joined.layers if layer.trainable and layer.weights}
    assert trainable == {f"{part}_stem5{end}" for part in ("tiny", "tiny_wide") for end in ("", "_norm")}


def test_it_is_built_by_name(tmp_path):
    """With the weights of each; its layers survive saving; random only if all are."""
    files = []
    for name in ("tiny", "tiny_wide"):
        files.append(str(tmp_path / f"{name}.weights.h5"))
        zoo.build(name, 64, "random", levels=()).model.save_weights(files[-1])
    built = zoo.build("tiny+tiny_wide", 64, "random")
    assert built.origin.kind == "random" and built.model.name == "tiny_tiny_wide"
    built.model.save(tmp_path / "joined.keras")
    loaded = keras.saving.load_model(tmp_path / "joined.keras")
    assert [layer.name for layer in loaded.layers] == [layer.name for layer in built.model.layers]
    row = zoo.registry.get("tiny+tiny_wide")
    assert row.params_millions == pytest.approx(0.03) and row.has_levels and row.default_size == 64


def test_origins_name_all_files():
    """For the report."""
    from zoo.joint_backbone import join_origins

    found = join_origins([Origin("file", "a.h5", "12", "one"), Origin("random")])
    assert (found.kind, found.path, found.sha256, found.note) == ("file", "a.h5+random", "12+", "one")


@pytest.mark.parametrize("name", ["tiny+tiny", "tiny+nothing"])
def test_names_that_cannot_be(name):
    """The same backbone twice, and an unknown one."""
    with pytest.raises(ValueError, match=r"twice|unknown"):
        zoo.build(name, 64, "random")


def test_weights_are_given_for_each():
    """Or one word for all."""
    with pytest.raises(ValueError, match="for each"):
        split_weights("tiny+tiny_wide", "a+b+c")
