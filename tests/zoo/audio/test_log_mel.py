"""The spectrogram equals that of Keras, whatever computes it; backbones keep within their size."""

import keras
import numpy as np
import pytest

from zoo.audio import backbones
from zoo.audio.log_mel import LogMel

WAVES = np.random.default_rng(0).normal(0, 0.1, (2, 8000)).astype(np.float32)


def test_power_equals_that_of_keras():
    theirs = keras.layers.MelSpectrogram(
        fft_length=512,
        sequence_stride=160,
        sequence_length=400,
        sampling_rate=16_000,
        num_mel_bins=40,
        min_freq=20,
        max_freq=7600,
        power_to_db=False,
        mag_exp=2.0,
    )
    wanted = np.asarray(theirs(WAVES)).transpose(0, 2, 1)
    np.testing.assert_allclose(np.asarray(LogMel().mel_power(WAVES)), wanted, rtol=1e-4, atol=1e-5)


def test_gain_does_not_matter_and_silence_is_finite():
    layer = LogMel()
    loud, quiet = np.asarray(layer(WAVES)), np.asarray(layer(WAVES * 0.1))
    np.testing.assert_allclose(loud, quiet, atol=1e-3)
    assert loud.shape == (2, 51, 40, 2)
    assert loud.max() == pytest.approx(1, abs=1e-6)
    usual = (loud[..., 0] * loud[..., 0].mean(2, keepdims=True)).sum(1) / loud[..., 0].mean(2).sum(1)[:, None]
    np.testing.assert_allclose(loud[..., 1], loud[..., 0] - usual[:, None], atol=1e-5)
    assert np.isfinite(np.asarray(layer(np.zeros((1, 8000), np.float32)))).all()


def test_a_tone_is_brightest_in_its_own_band():
    tone = np.sin(2 * np.pi * 1000 * np.arange(8000) / 16_000)[None].astype(np.float32)
    band = int(np.argmax(np.asarray(LogMel()(tone))[0, 20, :, 0]))
    mel = np.linspace(*(2595 * np.log10(1 + hertz / 700) for hertz in (20, 7600)), 42)[1:-1]
    assert abs(700 * (10 ** (mel[band] / 2595) - 1) - 1000) < 60


def test_backbones_are_small_and_run_in_onnx(tmp_path):
    pytest.importorskip("tf2onnx")
    runtime = pytest.importorskip("onnxruntime")
    import tensorflow as tf
    import tf2onnx

    model = backbones.build("ds_cnn", 8000)
    assert model.count_params() <= 120_000
    signature = [tf.TensorSpec((None, 8000), tf.float32, name="waveform")]
    graph, _ = tf2onnx.convert.from_function(
        tf.function(lambda x: model(x)["pooled"], input_signature=signature), input_signature=signature
    )
    session = runtime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"waveform": WAVES})
    np.testing.assert_allclose(found, np.asarray(model(WAVES)["pooled"]), rtol=1e-3, atol=1e-4)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(np.asarray(again(WAVES)["pooled"]), np.asarray(model(WAVES)["pooled"]))


@pytest.mark.parametrize("samples", [800, 16_001])
def test_lengths_that_a_backbone_cannot_take_are_refused(samples):
    with pytest.raises(ValueError, match=str(samples)):
        backbones.build("ds_cnn", samples)


def test_spectrograms_end_where_they_are_told():
    assert backbones.build("ds_cnn_small", 8000, 3800.0).get_layer("block00").high_hz == 3800.0
    with pytest.raises(ValueError, match="9000"):
        backbones.build("ds_cnn_small", 8000, 9000.0)
