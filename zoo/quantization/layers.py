"""Layers that compute as int8 will: their weights and outputs are rounded to 256 steps, and gradients pass through.

Importing this module registers them with Keras, which then loads models that contain them.
"""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import layers, ops, quantizers

PACKAGE = "cityzoo"
MOMENTUM = 0.99  # of the moving minimum and maximum (Jacob et al. 2018, arXiv 1712.05877, section 3.1)


@keras.saving.register_keras_serializable(package=PACKAGE)
class FakeQuantize(layers.Layer):
    """Round a tensor to 256 steps between a lowest and a highest value, which follow the data and then stand still.

    Gradients pass through the rounding unchanged, except for values outside of the range (straight-through
    estimator, Bengio et al. 2013, arXiv 1308.3432).

    Args:
        freeze_after: training steps after which the range no longer changes; 0: it never changes.
        momentum: of the moving range.

    Example:
        >>> layer = FakeQuantize()
        >>> layer.set_range(0.0, 255.0)
        >>> ops.convert_to_numpy(layer(ops.convert_to_tensor([[0.4, 0.6, 999.0]]))).tolist()
        [[0.0, 1.0, 255.0]]
    """

    def __init__(self, freeze_after: int = 0, momentum: float = MOMENTUM, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.freeze_after, self.momentum = int(freeze_after), float(momentum)
        for name, start in (("low", 0.0), ("high", 1.0), ("steps", 0.0)):
            variable = self.add_weight(
                shape=(), initializer=keras.initializers.Constant(start), trainable=False, name=name
            )
            setattr(self, name, variable)
        self.built = True

    def set_range(self, low: float, high: float) -> None:
        """Set the range, extended to contain 0, which int8 must represent exactly."""
        self.low.assign(min(float(low), 0.0))
        self.high.assign(max(float(high), 0.0, float(low) + 1e-6))

    def call(self, inputs, training=None):
        if training and self.freeze_after:
            moves = ops.cast(self.steps < self.freeze_after, "float32") * (1.0 - self.momentum)
            values = ops.cast(ops.stop_gradient(inputs), "float32")
            self.low.assign(self.low + moves * (ops.minimum(ops.min(values), 0.0) - self.low))
            self.high.assign(self.high + moves * (ops.maximum(ops.max(values), 0.0) - self.high))
            self.steps.assign(self.steps + 1.0)
        return quantizers.fake_quant_with_min_max_vars(inputs, self.low, self.high, num_bits=8)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self) -> dict:
        return {**super().get_config(), "freeze_after": self.freeze_after, "momentum": self.momentum}


def fake_quantize_kernel(kernel, axes: int = 1):
    """Round a kernel to 255 steps around 0, for each output channel by its own largest weight.

    Args:
        kernel: (..., output channels).
        axes: number of last axes that make up the output channels; 2 for depthwise kernels.

    Returns:
        A tensor of the same shape.

    Example:
        >>> kernel = ops.convert_to_tensor([[127.0, 0.3], [1.6, -0.1]])
        >>> [[round(float(x), 4) for x in row] for row in fake_quantize_kernel(kernel)]
        [[127.0, 0.3], [2.0, -0.0992]]
    """
    shape = tuple(kernel.shape)
    flat = ops.reshape(kernel, (-1, math.prod(shape[-axes:])))
    largest = ops.maximum(ops.max(ops.abs(ops.stop_gradient(flat)), axis=0), 1e-8)
    rounded = quantizers.fake_quant_with_min_max_vars(
        flat, -largest, largest, num_bits=8, narrow_range=True, axis=-1
    )
    return ops.reshape(rounded, shape)


@keras.saving.register_keras_serializable(package=PACKAGE)
class FakeQuantConv2D(layers.Conv2D):
    """A convolution with rounded weights."""

    def convolution_op(self, inputs, kernel):
        """Convolve with the rounded kernel."""
        return super().convolution_op(inputs, fake_quantize_kernel(kernel))


@keras.saving.register_keras_serializable(package=PACKAGE)
class FakeQuantDepthwiseConv2D(layers.DepthwiseConv2D):
    """A depthwise convolution with rounded weights."""

    def call(self, inputs):
        outputs = ops.depthwise_conv(
            inputs,
            fake_quantize_kernel(self.kernel, axes=2),
            strides=self.strides,
            padding=self.padding,
            dilation_rate=self.dilation_rate,
            data_format=self.data_format,
        )
        return self.activation(ops.add(outputs, self.bias) if self.use_bias else outputs)


@keras.saving.register_keras_serializable(package=PACKAGE)
class FakeQuantDense(layers.Dense):
    """A dense layer with rounded weights."""

    def call(self, inputs, training=None):
        x = ops.matmul(inputs, fake_quantize_kernel(self.kernel))
        return self.activation(ops.add(x, self.bias) if self.use_bias else x)


TWINS: dict[type, type] = {
    layers.Conv2D: FakeQuantConv2D,
    layers.DepthwiseConv2D: FakeQuantDepthwiseConv2D,
    layers.Dense: FakeQuantDense,
}
