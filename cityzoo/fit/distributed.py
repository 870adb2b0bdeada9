"""Training in several processes, on one machine or many.

Keras' own environment variables configure every process:

    KERAS_DISTRIBUTION_JOB_ADDRESSES    host:port of process 0, which must be free there
    KERAS_DISTRIBUTION_NUM_PROCESSES    how many there are
    KERAS_DISTRIBUTION_PROCESS_ID       which one this is, from 0

All run the same command on Keras' JAX backend. Each reads its part of every batch; gradients, BatchNorm
statistics and losses are of the whole batch, so that the weights are those of one process. Process 0, the chief,
alone evaluates, and alone writes the run folder, TensorBoard's files and the report.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from cityzoo.errors import InputError

if TYPE_CHECKING:
    from augment.epoch_order import Rows

ADDRESS = "KERAS_DISTRIBUTION_JOB_ADDRESSES"
COUNT = "KERAS_DISTRIBUTION_NUM_PROCESSES"
NUMBER = "KERAS_DISTRIBUTION_PROCESS_ID"
LOST = ("Gloo", "NCCL", "UNAVAILABLE", "heartbeat")  # in the words of JAX's errors


def process_count() -> int:
    """Return the number of processes.

    Raises:
        InputError: the environment variable holds no such number.
    """
    return _read(COUNT, 1, 1)


def process_index() -> int:
    """Return the number of this process, from 0.

    Raises:
        InputError: the environment variable holds no such number.
    """
    return _read(NUMBER, 0, 0)


def _read(name: str, default: int, least: int) -> int:
    text = os.environ.get(name, str(default))
    if not text.isdecimal() or int(text) < least:
        raise InputError(f"{name} is '{text}': give a whole number of {least} or more")
    return int(text)


def is_chief() -> bool:
    """Return whether this process evaluates and writes; a single process does."""
    return process_index() == 0


def check() -> None:
    """Refuse an environment in which several processes cannot train together.

    Raises:
        InputError: a variable is missing or out of bounds, or Keras' backend is not JAX.
    """
    if process_count() == 1:
        return
    for name in (ADDRESS, NUMBER):
        if not os.environ.get(name):
            raise InputError(f"{COUNT} is {process_count()}, but {name} is not set: set it in every process")
    if process_index() >= process_count():
        raise InputError(
            f"{NUMBER} is {process_index()}: {process_count()} processes are numbered from 0 to {process_count() - 1}"
        )
    from cityzoo.backend import on_jax

    if not on_jax():
        raise InputError(
            f"{process_count()} processes train together on Keras' JAX backend alone: set KERAS_BACKEND=jax"
        )


def start() -> None:
    """Join the other processes, and silence all but the chief; to be called before anything is computed.

    Raises:
        InputError: see `check`.
    """
    check()
    if process_count() == 1:
        return
    import keras

    keras.distribution.initialize()
    if not is_chief():
        keras.config.disable_interactive_logging()
        logging.getLogger().setLevel(logging.WARNING)


@contextmanager
def distribution_scope() -> Iterator[None]:
    """Turn JAX's errors about a failed process, or other weights, into one line.

    Raises:
        InputError: in every process that is left.
    """
    try:
        yield
    except (AssertionError, RuntimeError, ValueError) as error:  # JAX raises all three
        said = str(error)
        if process_count() > 1 and "not the same on each process" in said:
            raise InputError(
                "the processes do not have the same weights: give all the same --weights file, on machines alike"
            ) from error
        if process_count() > 1 and any(word in said for word in LOST):
            raise InputError(
                f"one of {process_count()} processes exited (see its log). Finished epochs are saved; restart all with "
                "--resume RUN"
            ) from error
        raise


def process_shard(rows: Rows, batch_size: int) -> tuple[Rows, int]:
    """Return the rows that this process reads, and how many of each batch.

    Args:
        rows: of all processes together; see `augment.shuffled`.
        batch_size: of all processes together, a multiple of their number.
    """
    from augment.epoch_order import sharded

    return sharded(rows, batch_size, process_index(), process_count()), batch_size // process_count()


def broadcast_from_chief(value: Any) -> Any:
    """Return the chief's value in every process; what the others give does not matter.

    Args:
        value: something that JSON can hold.
    """
    if process_count() == 1:
        return value
    from jax.experimental.multihost_utils import broadcast_one_to_all

    text = np.frombuffer(json.dumps(value).encode() if is_chief() else b"", np.uint8)
    size = int(broadcast_one_to_all(np.int32(len(text))))
    padded = np.zeros(1 << size.bit_length(), np.uint8)  # few sizes: each is compiled
    padded[: len(text)] = text
    return json.loads(broadcast_one_to_all(padded)[:size].tobytes())


def all_gather(here: bool) -> bool:
    """Return whether something holds in every process."""
    return bool(np.all(_gathered(np.array([here]))))


def require_equal_across_processes(about: Mapping[str, Any]) -> None:
    """Refuse to train if processes differ, and name the difference.

    Args:
        about: names of things that must be equal everywhere, and the things, in JSON or with a `str` that says all.

    Raises:
        InputError: in every process, with the names of what differs.
    """
    digests = [
        hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).digest()
        for value in about.values()
    ]
    everywhere = _gathered(np.frombuffer(b"".join(digests), np.uint8).reshape(len(digests), -1))
    differing = np.any(everywhere != everywhere[:1], axis=(0, 2))
    names = [name for name, differs in zip(about, differing, strict=True) if differs]
    if names:
        raise InputError(
            f"the {process_count()} processes differ in their {', '.join(names)}: start the same command on the same "
            "data with the same packages everywhere, on machines alike"
        )


def _gathered(values: np.ndarray) -> np.ndarray:
    # (processes, ...): what each process gave.
    if process_count() == 1:
        return values[None]
    from jax.experimental.multihost_utils import process_allgather

    return np.asarray(process_allgather(values))


def barrier() -> None:
    """Wait for all processes."""
    _gathered(np.zeros(1, np.uint8))
