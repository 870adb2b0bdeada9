"""What is recorded of a model's inputs."""

import keras
import numpy as np

from cityzoo.export.calibration import Recorder, spread_rows


def test_a_recorder_answers_as_its_model_and_keeps_inputs():
    x = keras.Input((2,))
    model = keras.Model(x, keras.layers.Rescaling(2.0)(x))
    recorder, batch = Recorder(model), np.ones((3, 2), "float32")
    assert recorder(batch).tolist() == (2 * batch).tolist()
    assert recorder.batches[0].tolist() == batch.tolist()
    assert recorder.results[0].tolist() == (2 * batch).tolist()
    assert recorder.inputs[0].shape == (None, 2)


def test_rows_are_spread_and_the_same_each_time():
    rows = spread_rows(500, 40)
    assert rows == spread_rows(500, 40) == sorted(set(rows)) and len(rows) == 40
    assert max(rows) > 400 and min(rows) < 100
