"""Run sound models: over whole clips, in windows over long ones, and over hours without events."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from cityzoo.backend import compiled
from cityzoo.data.audio import AudioSet, load_unlabelled
from cityzoo.data.audio.windows import windows
from cityzoo.metrics.false_accepts import false_accept_metrics
from cityzoo.modalities.audio.views import run_windows

if TYPE_CHECKING:
    import keras

    from cityzoo.outputs import Output

QUIET = (
    "background",
    "unknown",
    "silence",
    "noise",
    "_background_noise_",
    "other",
    "none",
)  # classes without an event


def predict_outputs(model: keras.Model, examples: AudioSet, batch_size: int) -> np.ndarray:
    """Return the mean output over the windows of each sound, (N, ...) float32."""
    run, samples = compiled(model), model.inputs[0].shape[1]
    sums, counts = None, np.zeros(len(examples))
    for rows, batch in _batches(examples, samples, batch_size):
        found = np.asarray(run(batch))
        if sums is None:
            sums = np.zeros((len(examples), *found.shape[1:]))
        np.add.at(sums, rows, found)
        np.add.at(counts, rows, 1)
    if sums is None:
        return np.zeros((0, *model.output.shape[1:]), np.float32)
    return (sums / counts.reshape(-1, *[1] * (sums.ndim - 1))).astype(np.float32)


def _batches(examples: AudioSet, samples: int, batch_size: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield (rows of the sounds, windows) in batches."""
    rows: list[int] = []
    waiting: list[np.ndarray] = []
    for row, example in enumerate(examples.examples):
        for window in windows(example.read(), samples):
            rows.append(row)
            waiting.append(window)
            if len(rows) == batch_size:
                yield np.array(rows), np.stack(waiting)
                rows, waiting = [], []
    if rows:
        yield np.array(rows), np.stack(waiting)


def measure_false_accepts(
    model: keras.Model, output: Output, examples: AudioSet, flags: Mapping[str, Any], batch_size: int
) -> dict[str, Any]:
    """Return the false accepts per hour of recordings without events, and what a threshold against them costs.

    Args:
        model: the evaluated model.
        output: of the task.
        examples: labeled sounds; those of classes with an event can be missed.
        flags: of evaluate.py: `background` and `false_accepts`.
        batch_size: windows at a time.

    Returns:
        {"false_accepts": {...}}, as docs/sound.md describes it; nothing without recordings.
    """
    quiet = [number for number, name in enumerate(output.class_names) if name.lower() in QUIET]
    if flags.get("background"):
        recordings = load_unlabelled(flags["background"])[0]
    else:
        labels = [int(np.argmax(each.target)) for each in examples.examples]
        recordings = AudioSet(
            "background", (), tuple(e for e, n in zip(examples.examples, labels, strict=True) if n in quiet)
        )
    events = [number for number in range(len(output.class_names)) if number not in quiet]
    if not len(recordings) or not events:
        return {}
    run, samples = compiled(model), model.inputs[0].shape[1]
    streams = []
    for each in recordings.examples:
        outputs = run_windows(run, each.read(), samples, batch_size)
        streams.append(np.stack(output.decode(outputs, None, [each] * len(outputs)))[:, events])
    seconds = sum(each.seconds for each in recordings.examples)
    results = output.decode(predict_outputs(model, examples, batch_size), None, examples.examples)
    positives = [
        (result[events], events.index(int(np.argmax(e.target))))
        for result, e in zip(results, examples.examples, strict=True)
        if int(np.argmax(e.target)) in events
    ]
    names = [output.class_names[number] for number in events]
    found = false_accept_metrics(streams, seconds / 3600, positives, names, flags.get("false_accepts") or 1.0)
    return {
        "false_accepts": {
            "source": flags.get("background") or "the background classes of the evaluated clips",
            **found,
        }
    }
