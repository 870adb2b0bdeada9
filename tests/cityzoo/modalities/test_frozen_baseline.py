"""The regression on frozen features: equal to scikit-learn's on the same features, absent where it does not apply."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from cityzoo.modalities import frozen_baseline
from cityzoo.outputs.classification import Classification
from cityzoo.outputs.multilabel import MultiLabelClassification
from cityzoo.sample import ExampleSet, ImageExample


class Rows:
    """A modality whose examples are rows of a table."""

    def __init__(self, table):
        self.table = table

    def select(self, examples, rows):
        return ExampleSet(examples.split, examples.class_names, tuple(examples.examples[row] for row in rows))

    def predict(self, model, examples, output):
        rows = np.stack([self.table[int(each.path)] for each in examples.examples])
        return output.decode(model.predict(rows, verbose=0), None, examples.examples)


@pytest.fixture
def made(tmp_path):
    """A run's folder, examples of two classes, and the modality."""
    images = keras.Input((4, 4, 3))
    kept = keras.layers.GlobalAveragePooling2D(name="head_P5_mean")(images)
    peak = keras.layers.GlobalMaxPooling2D(name="head_P5_peak")(images)
    joined = keras.layers.Concatenate(name="head_embedding")([kept, peak])
    keras.Model(images, keras.layers.Dense(2, name="head_logits")(joined)).save(tmp_path / "before.keras")
    rng = np.random.default_rng(0)
    table = rng.normal(size=(60, 4, 4, 3)).astype("float32")
    targets = np.eye(2)[(table.mean(axis=(1, 2))[:, 0] + rng.normal(0, 0.1, 60) > 0).astype(int)]
    examples = tuple(ImageExample(str(row), (4, 4), target=target) for row, target in enumerate(targets))
    found = ExampleSet("train", ("a", "b"), examples)
    return SimpleNamespace(folder=tmp_path, rows=Rows(table), set=found, data=SimpleNamespace(train=found))


def test_it_is_scikit_learns_on_means_alone(made):
    output = MultiLabelClassification(("a", "b"))
    frozen_baseline.fit_baseline(made.folder, made.rows, made.data, output)
    (found,) = frozen_baseline.predict_baseline(made.folder, made.rows, made.set, output).values()
    means = made.rows.table.mean(axis=(1, 2))
    scaled = (means - means.mean(axis=0)) / means.std(axis=0)
    targets = np.stack([each.target for each in made.set.examples])
    for column in range(2):
        expected = LogisticRegression(C=frozen_baseline.STRENGTH, tol=1e-9).fit(scaled, targets[:, column])
        np.testing.assert_allclose(
            np.stack(found)[:, column], expected.predict_proba(scaled)[:, 1], atol=1e-3
        )


def test_two_classes_have_probabilities_that_sum_to_one(made):
    output = Classification(("a", "b"))
    frozen_baseline.fit_baseline(made.folder, made.rows, made.data, output)
    (found,) = frozen_baseline.predict_baseline(made.folder, made.rows, made.set, output).values()
    np.testing.assert_allclose(np.stack(found).sum(axis=1), 1)


def test_runs_that_continue_another_one_have_class_means_and_a_discriminant(made):
    """For both of two classes, with probabilities that sum to one; they find what the table's first column says."""
    output, continued = Classification(("a", "b")), SimpleNamespace(train=made.set, added=())
    frozen_baseline.fit_baseline(made.folder, made.rows, continued, output)
    found = frozen_baseline.predict_baseline(made.folder, made.rows, made.set, output)
    assert list(found) == [frozen_baseline.NAME, frozen_baseline.MEANS, frozen_baseline.DISCRIMINANT]
    labels = np.stack([each.target for each in made.set.examples]).argmax(axis=1)
    for name in (frozen_baseline.MEANS, frozen_baseline.DISCRIMINANT):
        shares = np.stack(found[name])
        np.testing.assert_allclose(shares.sum(axis=1), 1, atol=1e-6)
        assert (shares.argmax(axis=1) == labels).mean() > 0.7


def test_other_outputs_and_damaged_files_have_none(made):
    other = SimpleNamespace(class_names=("a", "b"))
    frozen_baseline.fit_baseline(made.folder, made.rows, made.data, other)
    assert not (made.folder / frozen_baseline.FILE).exists()
    (made.folder / frozen_baseline.FILE).write_bytes(b"PK")
    assert (
        frozen_baseline.predict_baseline(made.folder, made.rows, made.set, Classification(("a", "b"))) == {}
    )
