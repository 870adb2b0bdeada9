"""The table of sound backbones, and how each is built.

Zhang et al., "Hello Edge: Keyword Spotting on Microcontrollers", 2017, https://arxiv.org/abs/1711.07128.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from zoo.registry import unknown

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class AudioBackbone:
    """One line of the table.

    Attributes:
        blocks: (width, stride) of each depthwise separable block; none: the spectrogram itself is the feature.
        params_millions: its size.
        about: what it is good for.
        stem: width of the first convolution.
    """

    blocks: tuple[tuple[int, int], ...]
    params_millions: float
    about: str
    stem: int = 64


BACKBONES = {
    "ds_cnn": AudioBackbone(
        ((64, 2), (96, 1), (96, 1), (128, 2), (128, 1), (160, 1)),
        0.08,
        "depthwise separable convolutions: keywords and sound events, fast on CPUs",
        32,
    ),
    "ds_cnn_small": AudioBackbone(
        ((48, 2), (48, 1), (64, 2), (64, 1), (80, 1)),
        0.02,
        "the same at half the width, for microcontrollers",
        32,
    ),
    "log_mel": AudioBackbone(
        (), 0.0, "no network: mean and peak of the log-mel spectrogram in sixths of the clip, a baseline"
    ),
}
MOMENTUM = 0.95  # of moving statistics: trainings have few steps
BANDS, LOW_HZ = 32, 60.0  # of the spectrogram
PARTS = 6  # of a clip, for features without a network


def names() -> list[str]:
    """Return the names of all sound backbones.

    Example:
        >>> names()
        ['ds_cnn', 'ds_cnn_small', 'log_mel']
    """
    return sorted(BACKBONES)


def build(name: str, samples: int, high_hz: float = 7600.0) -> keras.Model:
    """Build a backbone with random weights.

    Args:
        name: of the table.
        samples: of a clip at 16 kHz; a multiple of 80.
        high_hz: upper edge of the spectrogram, 500 to 8000.

    Returns:
        A model from (batch, samples) float32, -1 to 1, to {"pooled": (batch, C)} float32. The layer "block00" outputs
        the log-mel spectrogram, "block01" the first block of the network, and so on.

    Raises:
        ValueError: an unknown name, an edge out of range, or a number of samples that is too small or no
            multiple of 80.

    Example:
        >>> build("ds_cnn", 16_000).output["pooled"].shape
        (None, 320)
    """
    import keras

    from zoo.audio.log_mel import LogMel

    if name not in BACKBONES:
        raise unknown("sound backbone", name, names())
    if samples < 1600 or samples % 80:
        raise ValueError(
            f"clips of {samples} samples: expected a multiple of 80, at least 1600 (a tenth of a second)"
        )
    if not 500 <= high_hz <= 8000:
        raise ValueError(f"a spectrogram up to {high_hz:g} Hz: expected 500 to 8000")
    waveform, row = keras.Input((samples,), name="waveform"), BACKBONES[name]
    x = LogMel(BANDS, low_hz=LOW_HZ, high_hz=high_hz, name="block00")(waveform)
    pooled = _pool(_network(x, row)) if row.blocks else _summarize(x)
    return keras.Model(waveform, {"pooled": pooled}, name=name)


def _network(x: keras.KerasTensor, row: AudioBackbone) -> keras.KerasTensor:
    from keras import layers

    x = layers.BatchNormalization(momentum=MOMENTUM, name="stem_scale")(x)
    x = layers.Conv2D(row.stem, (5, 5), (2, 2), "same", use_bias=False, name="stem_conv")(x)
    x = layers.BatchNormalization(momentum=MOMENTUM, name="stem_norm")(x)
    x = layers.ReLU(name="stem")(x)
    for number, (width, stride) in enumerate(row.blocks, start=1):
        x = _block(x, width, stride, f"block{number:02d}")
    return x


def _block(x: keras.KerasTensor, width: int, stride: int, name: str) -> keras.KerasTensor:
    """Add a depthwise and a pointwise convolution, with a residual path where the shape stays."""
    from keras import layers

    given = x
    x = layers.DepthwiseConv2D(3, stride, "same", use_bias=False, name=f"{name}_depthwise")(x)
    x = layers.BatchNormalization(momentum=MOMENTUM, name=f"{name}_depthwise_norm")(x)
    x = layers.ReLU(name=f"{name}_depthwise_relu")(x)
    x = layers.Conv2D(width, 1, use_bias=False, name=f"{name}_pointwise")(x)
    x = layers.BatchNormalization(momentum=MOMENTUM, name=f"{name}_pointwise_norm")(x)
    if given.shape == x.shape:
        x = layers.Add(name=f"{name}_add")([given, x])
    return layers.ReLU(name=name)(x)


def _pool(x: keras.KerasTensor) -> keras.KerasTensor:
    from keras import layers

    mean = layers.GlobalAveragePooling2D(dtype="float32", name="pooled_mean")(x)
    peak = layers.GlobalMaxPooling2D(dtype="float32", name="pooled_peak")(x)
    return layers.Concatenate(dtype="float32", name="pooled")([mean, peak])


def _summarize(x: keras.KerasTensor) -> keras.KerasTensor:
    """Return the mean and the peak of each band in each sixth of the clip, which follows what is spoken when."""
    from keras import layers

    size = (max(1, x.shape[1] // PARTS), 1)
    parts = [
        layers.AveragePooling2D(size, name="pooled_means")(x),
        layers.MaxPooling2D(size, name="pooled_peaks")(x),
    ]
    flat = [layers.Flatten(name=f"{part._keras_history.operation.name}_flat")(part) for part in parts]
    return layers.Concatenate(dtype="float32", name="pooled")(flat)
