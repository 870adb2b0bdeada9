"""Flags of tasks on sounds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from augment.audio import POLICIES
from cityzoo.cli import flag
from cityzoo.cli.search_range import options
from cityzoo.cli.values import AUTO, parse_count, parse_mapping, parse_number
from cityzoo.modalities.labeled_flags import LabeledEvaluateFlags, LabeledFlags
from cityzoo.spec import Auto

ROBUSTNESS_CLIPS = 500


def parse_number_or_auto(text: str) -> float | str:
    """Return a number, or "auto".

    Raises:
        InputError: neither.
    """
    return AUTO if text == AUTO else parse_number(text)


@dataclass(frozen=True)
class AudioFlags(LabeledFlags):
    """How sounds are read, augmented and fed to a backbone."""

    class_map: Mapping[str, str] | None = flag(
        None,
        "rename or drop classes of the data: ambulance=siren,music=ignore",
        parse_mapping,
        "A=B,C=ignore",
    )
    split_by: str = flag(
        AUTO,
        "without a val split: split by clip, or by groups of clips that are alike: a speaker, a recording; auto: by "
        "group if there are 3 or more",
        choices=(AUTO, "clip", "group"),
    )
    clip_seconds: float | Auto = flag(
        AUTO,
        "length of the network's input; shorter clips get silence around them, longer ones are predicted in windows; "
        "auto: as long as 95 %% of the training clips, at most 5",
        parse_number_or_auto,
        "SECONDS",
    )
    max_hz: float | Auto = flag(
        AUTO,
        "upper edge of the spectrogram; auto: just below half the sample rate of the files, at most 7600: empty "
        "bands above show a network nothing but the recording",
        parse_number_or_auto,
        "HZ",
    )
    augment: str = flag(
        "standard",
        "changes of speed, tone, level and place, noise and masks in training: see them with --preview",
        choices=tuple(POLICIES),
        search=options(*POLICIES),
    )


@dataclass(frozen=True)
class ResolvedAudioFlags(AudioFlags):
    """The same with every "auto" replaced by a value."""

    clip_seconds: float = 1.0
    max_hz: float = 7600.0


@dataclass(frozen=True)
class AudioEvaluateFlags(LabeledEvaluateFlags):
    """Flags of evaluate.py for tasks on sounds."""

    class_map: Mapping[str, str] | None = flag(
        None,
        "rename the data's classes to the model's, or drop them: ambulance=siren,music=ignore",
        parse_mapping,
        "A=B",
    )
    predict: str | None = flag(
        None,
        "a sound or a folder without labels: write spectrograms and JSON, evaluate nothing",
        metavar="PATH",
    )
    robustness: int | None = flag(
        None,
        "also evaluate with noise at 20, 10 and 0 dB, other levels, clipping, and as a telephone hears it, on N clips "
        f"({ROBUSTNESS_CLIPS} if not given)",
        parse_count,
        "N",
        const=ROBUSTNESS_CLIPS,
    )
    background: str | None = flag(
        None,
        "a recording, or a folder of them, in which no event occurs: report false accepts per hour and the threshold "
        "for a wanted rate of them",
        metavar="PATH",
    )
    false_accepts: float = flag(
        1.0, "wanted number of false accepts per hour of --background", parse_number, "PER_HOUR"
    )
