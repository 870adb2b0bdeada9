import keras
import pytest

from cityzoo.compress.latency_ratio import compare_speed


def test_a_larger_model_takes_longer():
    """Twenty dense layers of 512 units against one."""
    x = keras.Input((512,))
    deep = x
    for _ in range(20):
        deep = keras.layers.Dense(512)(deep)
    found = compare_speed(keras.Model(x, deep), keras.Model(x, keras.layers.Dense(8)(x)))
    assert 0 < found.ratio < 0.8
    assert found.ratio == pytest.approx(found.second_ms / found.first_ms, rel=0.1)
