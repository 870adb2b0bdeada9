"""One contender of a benchmark in a process of its own: it loads a model and measures when it is asked to.

Run as python -m cityzoo.export.benchmark_worker PATH KIND THREADS; a line of standard input, "COUNT BATCH_SIZE", is
answered by the seconds of each call, as one line of JSON; the first line says how the start went.
"""

from __future__ import annotations

import json
import os
import re
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

KERAS = ("keras predict_on_batch", "keras compiled")
# Of 13 words: the tokenizer's time counts too.
SENTENCE = "I was charged twice for one parking ticket, please send the money back"
UNIT = 1 if sys.platform == "darwin" else 1024  # of ru_maxrss, in bytes


def main() -> int:
    """Load, answer once, then measure on request until the input ends."""
    path, kind, threads = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # whatever else is printed must not mix with the answers
    run, noise = _load_keras(path, kind, threads) if kind in KERAS else _load_file(path, threads)
    run(noise(1))
    answers.write(json.dumps({"ready": time.time()}) + "\n")
    for line in sys.stdin:
        count, batch_size = map(int, line.split())
        inputs, seconds = noise(batch_size), []
        for _ in range(count):
            start = time.perf_counter()
            run(inputs)
            seconds.append(time.perf_counter() - start)
        answers.write(json.dumps({"seconds": seconds, "peak_bytes": peak_bytes()}) + "\n")
    return 0


def peak_bytes() -> int:
    """Return the largest memory that this process had, without that of the process that started it.

    Linux counts the latter in `ru_maxrss`, so that a notebook with TensorFlow would show its own memory.
    """
    status = Path("/proc/self/status")
    own = re.search(r"VmHWM:\s+(\d+) kB", status.read_text()) if status.is_file() else None
    return 1024 * int(own[1]) if own else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * UNIT


def _load_file(path: Path, threads: int) -> tuple[Callable[[Any], Any], Callable[[int], Any]]:
    if path.is_dir():
        _limit_tensorflow(threads)
    from cityzoo.runtime.runtime_model import open_model
    from cityzoo.runtime.text_input import find_tokenizer

    tokenizer = find_tokenizer(path.parent)
    if tokenizer is not None:
        file = open_model(path, threads, padding=_paddings(path.parent))
        return lambda texts: file.named_outputs(tokenizer(texts)), _sentences
    file = open_model(path, threads)
    shapes = {each.name: (each.shape[1:], each.dtype) for each in file.inputs}
    return file.named_outputs, lambda count: {name: _noise(count, *like) for name, like in shapes.items()}


def _load_keras(path: Path, kind: str, threads: int) -> tuple[Callable[[Any], Any], Callable[[int], Any]]:
    _limit_tensorflow(threads)
    import keras

    from cityzoo.backend import compiled
    from cityzoo.model import load
    from cityzoo.runtime.text_input import find_tokenizer

    model, tokenizer = load(path / "model.keras"), find_tokenizer(path)
    run = model.predict_on_batch if kind == KERAS[0] else compiled(model)
    if tokenizer is not None:
        return lambda texts: run(tokenizer(texts)), _sentences

    def noise(count: int) -> Any:
        return keras.tree.map_structure(
            lambda tensor: _noise(count, tensor.shape[1:], str(tensor.dtype)),
            model.input[0] if isinstance(model.input, list) else model.input,
        )

    return run, noise


def _paddings(folder: Path) -> dict[str, int]:
    from cityzoo.runtime import text_input
    from cityzoo.runtime.exported_folder import DESCRIPTION, read_document

    return text_input.paddings(read_document(folder, DESCRIPTION))


def _sentences(count: int) -> list[str]:
    return [SENTENCE] * count


def _limit_tensorflow(threads: int) -> None:
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)


def _noise(count: int, shape: tuple[Any, ...], dtype: str) -> np.ndarray:
    values = np.random.default_rng(0).uniform(0, 255, (count, *shape))
    return (values if "float" in dtype else np.zeros_like(values)).astype(dtype)


if __name__ == "__main__":
    sys.exit(main())
