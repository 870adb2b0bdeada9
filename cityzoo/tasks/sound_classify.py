"""Classify what is heard: a keyword, a siren, a horn, breaking glass."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cityzoo.cli import flag
from cityzoo.data import audio
from cityzoo.demo import FileDemo
from cityzoo.modalities.audio import AUDIO
from cityzoo.outputs.classification import Classification
from cityzoo.tasks import Task


@dataclass(frozen=True)
class SoundReader:
    """Read one label per sound."""

    name_pattern: str = flag(
        "",
        "how file names give labels and speakers, e.g. {label}_{speaker}_{number} (default: that, where there are "
        "neither folders of classes nor a table)",
        metavar="PATTERN",
    )

    def __call__(self, source: str, **how: Any) -> audio.AudioDataset:
        """Return the checked sounds of a source."""
        return audio.load(source, pattern=self.name_pattern, **how)


def demo() -> FileDemo:
    """Return sounds of a street, used if the user brings no data."""
    from cityzoo.demo.sounds import VERSION, clips

    return FileDemo(
        "sound_classify", VERSION, clips.write_sounds, "sounds of a street, and 10 minutes without"
    )


@dataclass(frozen=True)
class SoundClassification(Classification):
    """One label per sound: networks pool over time themselves, and sounds have no mirror image."""

    pooling: str = "mean"
    flips: bool = False


TASK = Task(
    summary="what is heard: a spoken keyword, a siren, a horn, breaking glass ...",
    modality=AUDIO,
    output=SoundClassification,
    reader=SoundReader,
    demo=demo,
    monitor="accuracy",
    defaults={
        "backbone": "ds_cnn",
        "batch_size": 32,
        "learning_rate": 0.005,
        "weight_decay": 0.05,
        "ema": 0.995,
        "label_smoothing": 0.1,
        "dropout": 0.1,
        "patience": 100,  # the noise of a high learning rate must not end what the schedule would settle
    },
)
