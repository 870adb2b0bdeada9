"""Starting from an earlier detector: layers by name, classes by name."""

import keras
import numpy as np
import pytest

import zoo
from cityzoo.errors import InputError
from cityzoo.model import PRUNED, assemble, save
from cityzoo.outputs.classification import Classification
from cityzoo.outputs.counting import Counting
from cityzoo.outputs.detection import Detection
from cityzoo.transfer import adopt_widths, is_model, load_matching_weights
from zoo.pruning.channels import group_channels, trace_channels
from zoo.pruning.cut import cut


@pytest.fixture
def make(small_zoo, tmp_path):
    """Return a function that builds a detector, no two with the same weights, and saves it on request."""

    def build(backbone, *names, size_hw=(64, 64), file=None):
        model = assemble(backbone, Detection(names), size_hw).model
        rng = np.random.default_rng(len(names))
        model.set_weights([rng.normal(size=w.shape).astype("float32") for w in model.get_weights()])
        if file:
            save(model, tmp_path / file)
        return model, str(tmp_path / (file or ""))

    return build


def weights_by_layer(model):
    """Layer's name to its weights."""
    return {layer.name: layer.get_weights() for layer in model.layers if layer.weights}


def test_the_same_classes_take_everything_over(make):
    """Also at another size of input."""
    earlier, path = make("slim", "car", "bus", file="a.keras")
    later, _ = make("slim", "car", "bus", size_hw=(96, 64))
    later.set_weights([w + 1 for w in later.get_weights()])
    assert load_matching_weights(later, path) == ("car", "bus")
    for name, arrays in weights_by_layer(earlier).items():
        for old, new in zip(arrays, weights_by_layer(later)[name], strict=True):
            assert (old == new).all(), name


@pytest.mark.parametrize("names", [("bus", "tram", "car", "bike"), ("bus", "car"), ("tram", "bus")])
def test_each_class_takes_the_logits_of_its_name(make, names):
    """More classes, the same ones in another order, as many but others; a new one keeps what it had."""
    earlier, path = make("slim", "car", "bus", file="a.keras")
    later, _ = make("slim", *names)
    fresh = weights_by_layer(later)["head_logits"]
    assert load_matching_weights(later, path) == tuple(name for name in names if name in ("car", "bus"))
    old, new = (weights_by_layer(model)["head_logits"] for model in (earlier, later))
    for position, name in enumerate(names):
        for before, was, now in zip(old, fresh, new, strict=True):
            expected = (
                before[..., ("car", "bus").index(name)] if name in ("car", "bus") else was[..., position]
            )
            assert (now[..., position] == expected).all(), name
    for name in ("stem1", "stem3_norm", "head_distances", "head_class_conv1", "neck_P4_topdown_conv"):
        for before, now in zip(weights_by_layer(earlier)[name], weights_by_layer(later)[name], strict=True):
            assert (before == now).all(), name


@pytest.mark.parametrize(
    ("earlier", "later"), [("slim", "wide"), ("slim", "slim_deep"), ("slim_deep", "slim")]
)
def test_another_backbone_is_refused(make, earlier, later):
    """Other sizes, layers that the earlier one lacks, layers that it has too many (as VGG19 has for VGG16)."""
    _, path = make(earlier, "car", file="a.keras")
    with pytest.raises(InputError, match="--backbone") as caught:
        load_matching_weights(make(later, "car")[0], path)
    assert "\n" not in str(caught.value)


def test_a_model_of_somebody_else_is_refused(make, tmp_path):
    """It has no class names."""
    images = keras.Input((4,))
    keras.Model(images, keras.layers.Dense(1)(images)).save(tmp_path / "foreign.keras")
    with pytest.raises(InputError, match="carries no class names"):
        load_matching_weights(make("slim", "car")[0], str(tmp_path / "foreign.keras"))


def test_a_model_is_distinguished_from_weights_of_a_backbone():
    """By its suffix."""
    assert is_model("runs/a/model.keras")
    assert not is_model("vgg16_notop.h5") and not is_model("imagenet") and not is_model("auto")


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (("car", "bus"), ("bus", "car"), lambda old, new: -old),
        (
            ("car", "bus"),
            ("bus", "tram", "car"),
            lambda old, new: np.stack([old[:, 0], new[:, 1], 0 * old[:, 0]], 1),
        ),
        (("car", "bus", "tram"), ("tram", "bus"), lambda old, new: old[:, 1:2] - old[:, 2:3]),
        (("car", "bus", "tram"), ("bus", "car", "tram"), lambda old, new: old[:, [1, 0, 2]]),
    ],
)
def test_two_classes_have_one_logit_and_are_taken_over_too(small_zoo, tmp_path, before, after, expected):
    """It is the second class's, the first one's being 0: turned round, beside others, and out of three."""
    models = []
    for number, names in enumerate((before, after)):
        models.append(assemble("slim", Classification(names), (64, 64)).model)
        rng = np.random.default_rng(number)
        models[-1].set_weights([rng.normal(size=w.shape).astype("float32") for w in models[-1].get_weights()])
    earlier, later = models
    save(earlier, tmp_path / "a.keras")
    (old, _), (new, _) = (model.get_layer("head_logits").get_weights() for model in models)
    assert load_matching_weights(later, str(tmp_path / "a.keras")) == tuple(
        name for name in after if name in before
    )
    kernel, bias = later.get_layer("head_logits").get_weights()
    assert kernel == pytest.approx(expected(old, new), abs=1e-6)
    assert bias.shape == (kernel.shape[1],)


def test_a_pruned_model_brings_its_numbers_of_channels(make, tmp_path):
    """With other classes and another input size, too; the backbone is a part of the whole and splits by stage."""
    earlier, _ = make("slim", "car", "bus")
    channels = trace_channels(earlier)
    groups = group_channels(earlier, channels)
    keep = channels.fixed.copy()
    for group in groups:
        keep[group.channels[: len(group.channels) // 2]] = True
    smaller = cut(earlier, channels, keep)
    smaller.name = earlier.name + PRUNED
    save(smaller, tmp_path / "pruned.keras")
    path = str(tmp_path / "pruned.keras")
    fresh = assemble("slim", Detection(("bus", "car", "van")), (96, 64))
    later = adopt_widths(fresh, path)
    assert load_matching_weights(later.model, path) == ("bus", "car")
    assert later.model.count_params() < 0.5 * fresh.model.count_params()
    old, new = (weights_by_layer(model) for model in (smaller, later.model))
    assert all((a == b).all() for n in old if n != "head_logits" for a, b in zip(old[n], new[n], strict=True))
    assert {id(layer) for layer in later.backbone.layers} <= {id(layer) for layer in later.model.layers}
    assert list(zoo.stages(later.backbone)) == list(zoo.stages(fresh.backbone))


def test_other_models_do_not_change_the_fresh_one(make, tmp_path):
    """One of another width is refused as before, a damaged file by `load`."""
    _, path = make("wide", "car", file="a.keras")
    fresh = assemble("slim", Detection(("car",)), (64, 64))
    assert adopt_widths(fresh, path) is fresh
    (tmp_path / "damaged.keras").write_bytes(b"PK")
    assert adopt_widths(fresh, str(tmp_path / "damaged.keras")) is fresh


@pytest.mark.parametrize("names", [("car", "bus", "bike"), ("bus", "tram")])
def test_a_map_of_counts_has_no_rows_of_classes(small_zoo, tmp_path, names):
    """All classes are counted together: the whole head is taken over, whatever is counted."""
    earlier, later = (assemble("slim", Counting(each), (64, 64)).model for each in (("car", "bus"), names))
    earlier.set_weights([w + 1 for w in earlier.get_weights()])
    save(earlier, tmp_path / "a.keras")
    load_matching_weights(later, str(tmp_path / "a.keras"))
    for old, new in zip(earlier.get_weights(), later.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
