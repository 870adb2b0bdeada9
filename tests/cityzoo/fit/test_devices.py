"""How training is spread over devices; several devices are tested in test_strategy.py."""

import tensorflow as tf

from cityzoo.fit import devices


def test_one_cpu_needs_no_strategy(monkeypatch):
    """TensorFlow's default."""
    monkeypatch.setattr(devices, "gpus", list)
    assert devices.strategy() is tf.distribute.get_strategy()
