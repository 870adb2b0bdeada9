"""The log-mel spectrogram as a layer of convolutions with fixed kernels, which every runtime computes.

`keras.layers.MelSpectrogram` gives the same values, by a Fourier transform that ONNX converters do not know.
Importing this module registers the layer with Keras, which then loads models that contain it.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import keras
import numpy as np
from keras import layers, ops

SAMPLE_RATE = 16_000  # Hz
EMPHASIS = 0.97  # share of each sample that is subtracted from the next one: raises high frequencies
RANGE_DB = 60.0  # values further below the loudest one of a clip are cut off
QUIETEST = 1e-8  # power below which everything is silence: the noise of 16-bit samples


@keras.saving.register_keras_serializable(package="cityzoo")
class LogMel(layers.Layer):
    """Log-mel spectrogram of waveforms at 16 kHz, relative to each clip's loudest value and to its mean spectrum.

    The power of each mel band equals that of `keras.layers.MelSpectrogram` with `power_to_db=False` and `mag_exp=2`.
    High frequencies are raised, which are weak in speech. The first channel is the logarithm, scaled such that the
    loudest value of a clip is 1 and what lies 60 dB below it 0: the gain of a microphone does not matter. The second
    channel is the first less its mean over time, weighted by how loud each frame is: the tone of a microphone or a
    voice does not matter. The layer has no weights.

    Args:
        bands: number of mel bands.
        frame: samples of a frame.
        hop: samples between frames.
        fft_length: length of the Fourier transform.
        low_hz: lower edge of the lowest band.
        high_hz: upper edge of the highest band.

    Example:
        >>> LogMel()(np.zeros((2, 16_000), np.float32)).shape
        TensorShape([2, 101, 40, 2])
    """

    def __init__(
        self,
        bands: int = 40,
        frame: int = 400,
        hop: int = 160,
        fft_length: int = 512,
        low_hz: float = 20.0,
        high_hz: float = 7600.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.bands, self.frame, self.hop, self.fft_length = bands, frame, hop, fft_length
        self.low_hz, self.high_hz = low_hz, high_hz
        self.built = True

    def mel_power(self, waveforms: Any, emphasis: float = 0.0) -> Any:
        """Return the power of each mel band, (batch, frames, bands) float32.

        Args:
            waveforms: (batch, samples) float32; `samples` is a known multiple of the greatest common divisor of `frame`
                and `hop`.
            emphasis: share of each sample that is subtracted from the next one.
        """
        pad, unit = self.frame // 2, math.gcd(self.frame, self.hop)
        x = ops.pad(waveforms, [[0, 0], [pad, pad]], mode="reflect")
        x = ops.reshape(x, (-1, x.shape[1] // unit, unit))
        kernel = fourier_kernel(self.frame, self.fft_length)
        kernel = ops.convert_to_tensor(kernel.reshape(self.frame // unit, unit, -1))
        parts = ops.conv(x, kernel, strides=self.hop // unit, padding="valid")
        squares, half = ops.square(parts), self.fft_length // 2 + 1
        power = squares[..., :half] + squares[..., half:]
        matrix = mel_matrix(self.bands, self.fft_length, self.low_hz, self.high_hz)
        turn = np.exp(-2j * np.pi * np.arange(half) / self.fft_length)
        gain = np.square(np.abs(1 - emphasis * turn)).astype(np.float32)
        return ops.matmul(power, ops.convert_to_tensor(gain[:, None] * matrix))

    def call(self, inputs):
        """Return (batch, frames, bands, 2): 0 to 1, and -1 to 1."""
        decibels = ops.log(ops.maximum(self.mel_power(ops.cast(inputs, "float32"), EMPHASIS), QUIETEST)) * (
            10 / math.log(10)
        )
        loudest = ops.max(decibels, axis=(1, 2), keepdims=True)
        scaled = ops.maximum((decibels - loudest) / RANGE_DB + 1.0, 0.0)
        weights = ops.mean(scaled, axis=2, keepdims=True)
        total = ops.maximum(ops.sum(weights, axis=1, keepdims=True), 1e-3)
        usual = ops.sum(weights * scaled, axis=1, keepdims=True) / total
        return ops.cast(ops.stack([scaled, scaled - usual], axis=-1), self.compute_dtype)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], input_shape[1] // self.hop + 1, self.bands, 2)

    def get_config(self) -> dict:
        own = ("bands", "frame", "hop", "fft_length", "low_hz", "high_hz")
        return {**super().get_config(), **{name: getattr(self, name) for name in own}}


@functools.cache
def fourier_kernel(frame: int, fft_length: int) -> np.ndarray:
    """Return the real and the imaginary parts of a windowed Fourier transform, (frame, 2 * bins) float32.

    The window is a periodic Hann window.
    """
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(frame) / frame)
    # The phase does not matter for the power, so that frames need not be centred in the transform.
    turns = np.outer(np.arange(frame), np.arange(fft_length // 2 + 1)) * (2 * np.pi / fft_length)
    return (window[:, None] * np.concatenate([np.cos(turns), -np.sin(turns)], axis=1)).astype(np.float32)


@functools.cache
def mel_matrix(bands: int, fft_length: int, low_hz: float, high_hz: float) -> np.ndarray:
    """Return the weight of each frequency in each mel band, (bins, bands) float32: triangles of height 1.

    The mel scale of HTK, 2595 log10(1 + f / 700), as in `keras.layers.MelSpectrogram`.
    """
    mel = 1127.0 * np.log1p(np.arange(fft_length // 2 + 1) * (SAMPLE_RATE / fft_length) / 700.0)[:, None]
    edges = np.linspace(1127.0 * np.log1p(low_hz / 700.0), 1127.0 * np.log1p(high_hz / 700.0), bands + 2)
    lower, centre, upper = edges[:-2], edges[1:-1], edges[2:]
    rising, falling = (mel - lower) / (centre - lower), (upper - mel) / (upper - centre)
    matrix = np.maximum(0.0, np.minimum(rising, falling))
    matrix[0] = 0.0  # as HTK leaves out the constant part
    return matrix.astype(np.float32)
