"""What differs between Keras' backends: how a model runs compiled, its gradients, and who holds the GPUs."""

from __future__ import annotations

import functools
import os
import platform
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import keras

Outputs = Any  # an array, or a dict of arrays


def on_jax() -> bool:
    """Return whether Keras computes with JAX (`KERAS_BACKEND=jax`); TensorFlow then reads images alone."""
    import keras

    return keras.backend.backend() == "jax"


def prepare() -> None:
    """Keep TensorFlow off the GPUs where JAX trains on them; to be called before either touches a device."""
    if on_jax():
        import tensorflow as tf

        tf.config.set_visible_devices([], "GPU")


def compiled(
    model: keras.Model, then: Callable[[Outputs], Outputs] | None = None
) -> Callable[[Any], Outputs]:
    """Return a model as one compiled function in inference mode; many times faster than calling the layers.

    Args:
        model: with the weights of now: on JAX later changes do not show; or a callable with `runs_compiled`, such
            as a `cityzoo.runtime.runtime_model.RuntimeModel`.
        then: what is done with the outputs inside the compiled function, in `keras.ops`.

    Returns:
        A function from the model's inputs (arrays or TensorFlow tensors, alone or in a dict) to NumPy arrays,
        alone or in a dict as the model's outputs are. Each process runs it by itself, also where several train
        together.

    Example:
        >>> import keras
        >>> x = keras.Input((2,))
        >>> double = keras.Model(x, {"twice": keras.layers.Rescaling(2.0)(x)})
        >>> compiled(double)(np.ones((1, 2), "float32"))["twice"].tolist()
        [[2.0, 2.0]]
    """
    if getattr(model, "runs_compiled", False):
        return model if then is None else lambda inputs: np.asarray(then(model(inputs)))
    return _by_jax(model, then) if on_jax() else _by_tensorflow(model, then)


def gradient(
    model: keras.Model, loss: keras.losses.Loss, mirrored: bool = False
) -> Callable[[Any, Any], tuple[float, np.ndarray]]:
    """Return the gradient of a loss with respect to a model's images as one compiled function, in inference mode.

    Args:
        model: with the weights of now, as `compiled` takes it.
        loss: (targets, outputs) -> a number.
        mirrored: whether outputs are the mean over each image and its mirror image.

    Returns:
        A function from images (B, h, w, 3) float32 and targets to the loss and its gradient, (B, h, w, 3) float32.

    Example:
        >>> import keras
        >>> x = keras.Input((1, 1, 3))
        >>> total = keras.Model(x, keras.layers.Flatten()(keras.layers.Rescaling(2.0)(x)))
        >>> value, slope = gradient(total, lambda wanted, found: keras.ops.sum(wanted * found))(
        ...     np.ones((1, 1, 1, 3), "float32"), np.array([[1.0, 0.0, -1.0]], "float32")
        ... )
        >>> value, slope.ravel().tolist()
        (0.0, [2.0, 0.0, -2.0])
    """

    def value(run: Callable[[Any], Any], images: Any, targets: Any) -> Any:
        outputs = (run(images) + run(images[:, :, ::-1])) / 2 if mirrored else run(images)
        return loss(targets, outputs)

    return _slope_by_jax(model, value) if on_jax() else _slope_by_tensorflow(model, value)


def _slope_by_tensorflow(model: keras.Model, value: Callable) -> Callable[[Any, Any], tuple]:
    import tensorflow as tf

    def both(images: tf.Tensor, targets: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(images)
            found = value(lambda shown: model(shown, training=False), images, targets)
        return found, tape.gradient(found, images)

    traced = tf.function(both, reduce_retracing=True, autograph=False)

    def slope(images: Any, targets: Any) -> tuple[float, np.ndarray]:
        found, change = traced(tf.convert_to_tensor(images), tf.convert_to_tensor(targets))
        return float(found), change.numpy()

    return slope


def _slope_by_jax(model: keras.Model, value: Callable) -> Callable[[Any, Any], tuple]:
    import jax

    weights = _weights(model)

    def of_weights(images: Any, targets: Any, weights: list) -> Any:
        return value(lambda shown: model.stateless_call(*weights, shown, training=False)[0], images, targets)

    both = jax.jit(jax.value_and_grad(of_weights))

    def slope(images: Any, targets: Any) -> tuple[float, np.ndarray]:
        found, change = both(np.asarray(images), np.asarray(targets), weights)
        return float(found), np.asarray(change)

    return slope


# Tracing takes seconds, running a batch milliseconds, and a model is evaluated after every epoch and for the report:
# it is traced once for each kind of input, for as long as it lives.
_TRACED: weakref.WeakKeyDictionary[Any, dict[Any, Callable]] = weakref.WeakKeyDictionary()


def _by_tensorflow(model: keras.Model, then: Callable | None) -> Callable[[Any], Outputs]:
    import tensorflow as tf

    of_model = _TRACED.setdefault(model, {})

    def run(inputs: Any, _model: keras.Model = model) -> Outputs:  # the model lives as long as this function
        arrays = tf.nest.flatten(inputs)
        key = then, *((*array.shape[1:], tf.as_dtype(array.dtype)) for array in arrays)
        traced = of_model.get(key) or of_model.setdefault(key, _traced(weakref.ref(model), then, inputs))
        return tf.nest.map_structure(lambda output: output.numpy(), traced(inputs))

    return run


def _traced(model: Callable[[], Any], then: Callable | None, inputs: Any) -> Callable:
    import tensorflow as tf

    def run(inputs: Any) -> Any:
        outputs = model()(inputs, training=False)
        return then(outputs) if then else outputs

    # One graph for batches of any size; converting the Python code of layers would take longer than tracing them.
    spec = tf.nest.map_structure(lambda array: tf.TensorSpec((None, *array.shape[1:]), array.dtype), inputs)
    return tf.function(run, input_signature=[spec], autograph=False)


def _by_jax(model: keras.Model, then: Callable | None) -> Callable[[Any], Outputs]:
    import jax

    weights, run = _weights(model), _jitted(model, then)
    return lambda inputs: jax.tree.map(np.asarray, run(*weights, jax.tree.map(np.asarray, inputs)))


def _weights(model: keras.Model) -> list:
    import jax

    # Copied to this process: weights of a training over several processes can only be used by all at once.
    groups = (model.trainable_variables, model.non_trainable_variables)
    weights = [[np.asarray(variable.value) for variable in group] for group in groups]
    return jax.device_put(weights, jax.local_devices()[0])


@functools.lru_cache(maxsize=4)  # compiling takes seconds, and a model is evaluated after every epoch
def _jitted(model: keras.Model, then: Callable | None) -> Callable[..., Any]:
    import jax

    def run(trainable: list, rest: list, inputs: Any) -> Any:
        outputs, _ = model.stateless_call(trainable, rest, inputs, training=False)
        return then(outputs) if then else outputs

    return jax.jit(run)


def gpus() -> list[Any]:
    """Return the GPUs of this machine that Keras' backend sees."""
    if on_jax():
        import jax

        return [device for device in jax.local_devices() if device.platform == "gpu"]
    import tensorflow as tf

    return tf.config.list_physical_devices("GPU")


def device_name() -> str:
    """Return what the report calls this machine: GPU names, or the processor and its cores."""
    return ", ".join(_about(gpu)[0] for gpu in gpus()) or f"{cpu_name()}, {os.cpu_count()} cores"


def _about(gpu: Any) -> tuple[str, tuple[int, ...]]:
    # Name and compute capability.
    if on_jax():
        return gpu.device_kind, tuple(map(int, gpu.compute_capability.split(".")))
    import tensorflow as tf

    details = tf.config.experimental.get_device_details(gpu)
    return details.get("device_name", "GPU"), details.get("compute_capability", (0, 0))


def _cpuinfo(key: str) -> str:
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.is_file() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(key)), "")


def cpu_name() -> str:
    """Return the name of this machine's processor."""
    return _cpuinfo("model name") or platform.processor() or platform.machine()


def cpu_flags() -> list[str]:
    """Return the features of this machine's processor as Linux names them; empty elsewhere."""
    return _cpuinfo("flags").split()


def is_fast_in_bfloat16() -> bool:
    """Return whether this machine multiplies bfloat16 in hardware."""
    if gpus():
        return min(_about(gpu)[1] for gpu in gpus()) >= (8, 0)
    if on_jax():  # XLA's code for CPUs is no faster with it
        return False
    flags = cpu_flags()
    return "avx512_bf16" in flags or "amx_bf16" in flags
