"""Fusion of features: absent modalities, gates, principal components, calibrated late fusion."""

import keras
import numpy as np
import pytest

from heads import late_fusion
from heads.fusion import COMPRESS, GATES, Fusion, principal_components
from heads.fusion_kinds import FUSIONS

SIZES = {"image": 5, "text": 3}


def fused(how, **more):
    inputs = keras.Input((10,))
    return keras.Model(inputs, Fusion(SIZES, how, width=8, **more)(inputs))


def rows_of(count=4, present=(1, 1)):
    rows = np.random.default_rng(0).normal(size=(count, 10)).astype(np.float32)
    rows[:, 8:] = present
    return rows


@pytest.mark.parametrize("how", FUSIONS[1:])
def test_what_is_absent_does_not_count(how):
    """Features of an absent modality change nothing; those of a present one do; the learned vector does."""
    model, rows = fused(how), rows_of(present=(1, 0))
    changed, seen = rows.copy(), rows.copy()
    changed[:, 5:8] += 3
    seen[:, :5] += np.arange(5)
    first, same, other = (model(each)["pooled"].numpy() for each in (rows, changed, seen))
    np.testing.assert_array_equal(first, same)
    assert np.abs(first - other).max() > 1e-4
    token = model.get_layer("fusion_absent_text")
    token.set_weights([token.get_weights()[0] + np.arange(8)])
    assert np.abs(model(rows)["pooled"].numpy() - first).max() > 1e-4


@pytest.mark.parametrize("how", FUSIONS[1:])
def test_training_hides_modalities(how):
    """With a dropout of .9 most training rows are those of nothing; inference hides none."""
    keras.utils.set_random_seed(0)
    model, nothing = fused(how, modality_dropout=0.9, noise=0.0), rows_of(200, (0, 0))
    rows = rows_of(200)
    hidden = (
        np.isclose(model(rows, training=True)["pooled"], model(nothing)["pooled"], atol=1e-5).all(1).mean()
    )
    assert 0.7 < hidden < 0.9  # .81
    assert not np.isclose(model(rows)["pooled"], model(nothing)["pooled"], atol=1e-5).all(1).any()


def test_gates_are_shares_and_alike_at_first():
    model = fused("gated")
    gates = keras.Model(model.input, model.get_layer(GATES).output)(rows_of()).numpy()
    np.testing.assert_allclose(gates, 0.5)


def test_components_are_those_of_scikit_learn():
    from sklearn.decomposition import PCA

    rows = np.random.default_rng(0).normal(size=(40, 6)) @ np.random.default_rng(1).normal(size=(6, 6)) + 5
    kernel, bias = principal_components(rows, 3)
    scores = rows @ kernel + bias
    expected = PCA(3).fit_transform((rows - rows.mean(0)) / rows.std(0))
    expected /= np.sqrt(np.mean(expected**2))
    np.testing.assert_allclose(np.abs(scores), np.abs(expected), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("settings", [{"how": "sum"}, {"how": "gated", "modality_dropout": 1.0}])
def test_mistakes(settings):
    with pytest.raises(ValueError, match="fusion"):
        Fusion(SIZES, **settings)


def test_late_fusion_is_the_mean_of_what_is_there(tmp_path):
    """By hand: logits of two modalities, of which one row lacks one and another both."""
    inputs = keras.Input((4,))
    model = keras.Model(inputs, late_fusion.build_head(inputs, 2, 2))
    kernel = np.zeros((4, 4), np.float32)
    kernel[0, 1], kernel[1, 3] = 1, 2
    model.get_layer("head_logits").set_weights([kernel, np.zeros(4, np.float32)])
    rows = np.array([[1, -1, 1, 1], [1, -1, 1, 0], [1, -1, 0, 0]], np.float32)
    first, second = 1 / (1 + np.exp(-1)), 1 / (1 + np.exp(2))
    model.save(tmp_path / "m.keras")
    for each in (model, keras.saving.load_model(tmp_path / "m.keras")):
        shares = keras.ops.softmax(each(rows))[:, 1]
        np.testing.assert_allclose(shares, [(first + second) / 2, first, 0.5], atol=1e-5)


def test_each_classifier_learns_where_its_modality_is_there():
    """The second modality's label is turned around where it is absent: that must not be learned."""
    rng = np.random.default_rng(0)
    labels, present = rng.integers(0, 2, 80), rng.random(80) < 0.6
    rows = np.stack([rng.normal(size=80), np.where(present, labels, 1 - labels), np.ones(80), present], 1)
    found = late_fusion.fit(rows, [1, 1], np.eye(2)[labels], np.arange(80))
    shares = late_fusion.predict(found, rows.astype(np.float32), 2)
    assert ((shares[present, 1, 1] > 0.5) == labels[present]).all()
    assert np.abs(shares[:, 0, 1] - 0.5).max() < 0.3  # noise stays unsure
    assert COMPRESS + "image" in {layer.name for layer in fused("concat").layers}
