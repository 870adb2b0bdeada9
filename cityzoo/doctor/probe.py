"""Measure what only a process with TensorFlow can tell: python -m cityzoo.doctor.probe.

Each part is a line of JSON as soon as it is known. TensorFlow may end its process where it does not fit the processor,
and what it says when it starts would be in the way: so this is a process of its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from typing import Any

REPEATS = 5  # the fastest counts: other programs only make it slower
SIDE = 1024  # of the matrices
FRAME_HW = 720, 1280
EXAMPLES = 1000  # that "auto" is shown for
SHOWN_BACKBONES = ("mobilenet_075", "vgg16")
SECONDS = 300


def run_probe() -> tuple[dict[str, Any], str | None]:
    """Return what a process with TensorFlow found, and why it ended before the last part, None if it did not."""
    command = [sys.executable, "-m", "cityzoo.doctor.probe"]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, env=environment)
        code, out, said = done.returncode, done.stdout, done.stderr
    except subprocess.TimeoutExpired as error:
        written = error.stdout or b""
        code, said = 1, f"no answer after {SECONDS} s"
        out = written.decode(errors="replace") if isinstance(written, bytes) else written
    except OSError as error:  # where processes may not be started
        return {}, f"no process can be started ({error.strerror})"
    found: dict[str, Any] = {}
    for line in out.splitlines():
        found |= json.loads(line) if line.startswith("{") else {}
    if not code:
        return found, None
    lines = said.strip().splitlines() or [""]
    return found, f"ended by signal {-code}" if code < 0 else lines[-1][:300]


def main() -> None:
    """Print the parts."""
    for name, part in PARTS.items():
        sys.stdout.write(json.dumps({name: part()}) + "\n")
        sys.stdout.flush()


def find_devices() -> dict[str, Any]:
    """Return Keras' backend and its image format, GPUs by name, and what the backend may use of the processor."""
    import keras

    from cityzoo import backend
    from cityzoo.runtime.packages import usable_cores

    backend_name, gpus = keras.backend.backend(), []
    if backend_name in ("tensorflow", "jax"):
        gpus = backend.device_name().split(", ") if backend.gpus() else []
    return {
        "backend": backend_name,
        "image_data_format": keras.config.image_data_format(),
        "gpus": gpus,
        "cores": os.cpu_count(),
        "usable_cores": usable_cores(),
    }


def measure_speed() -> dict[str, Any]:
    """Return the speed of a matrix product in two precisions, and of decoding an image on one core."""
    import tensorflow as tf

    import augment

    rates = {}
    for dtype in (tf.float32, tf.bfloat16):
        matrix = tf.cast(tf.random.stateless_normal((SIDE, SIDE), (0, 1)), dtype)
        seconds = _fastest(lambda a: tf.linalg.matmul(a, a).numpy(), matrix)
        rates[f"matmul_{dtype.name}_gflops"] = round(2 * SIDE**3 / seconds / 1e9, 1)
    coarse = tf.random.stateless_uniform((9, 16, 3), (0, 1), 0, 255)
    image = tf.cast(tf.image.resize(coarse, FRAME_HW), tf.uint8)
    with tempfile.NamedTemporaryFile(suffix=".jpg") as file:
        file.write(tf.io.encode_jpeg(image).numpy())
        file.flush()
        seconds = _fastest(lambda path: augment.read_file({"path": path})[1](1), file.name)
    return {**rates, "jpeg_1280x720_per_second": round(1 / seconds, 1)}


def _fastest(run: Callable[[Any], Any], of: Any) -> float:
    run(of)
    seconds = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        run(of)
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def choose_auto() -> dict[str, Any]:
    """Return what "auto" chooses here for a detector of 1,000 images, for a light and a heavy backbone."""
    from cityzoo import backend, tasks
    from cityzoo.fit.auto_batch_size import LARGEST, auto_batch_size
    from cityzoo.fit.devices import devices_at_once
    from cityzoo.modalities.image import settings

    def of_backbone(name: str) -> Mapping[str, Any]:
        spec = tasks.find("vehicle_detect").make_spec({"backbone": name})
        precision = dict(zip(("backbone", "head"), settings.dtype_policies(spec), strict=True))
        freeze = settings.default_freeze(spec)
        longest = settings.LONG_SIDES["GPU" if gpus else "CPU"]
        return {"precision": precision, "freeze": freeze, "long_side_px": longest}

    gpus = backend.gpus()
    size = auto_batch_size(EXAMPLES, None, max(len(gpus), devices_at_once()))
    return {
        "examples": EXAMPLES,
        # Memory is tried on GPUs, which takes a model: see `cityzoo.fit.memory_trial`.
        "batch_size": f"as many as fit, up to {LARGEST}" if gpus else size,
        "bfloat16_is_fast": backend.is_fast_in_bfloat16(),
        "backbones": {name: of_backbone(name) for name in SHOWN_BACKBONES},
    }


PARTS: Mapping[str, Callable[[], dict[str, Any]]] = {
    "devices": find_devices,
    "speed": measure_speed,
    "auto": choose_auto,
}

if __name__ == "__main__":
    main()
