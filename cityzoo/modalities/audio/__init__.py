"""Sounds: keywords, sirens, horns, glass; labels are classes of whole clips."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from cityzoo.data.audio.corruptions import CONDITIONS
from cityzoo.errors import InputError, unknown
from cityzoo.modalities import Masks
from cityzoo.modalities.audio import data as reading
from cityzoo.modalities.audio.delivery import DeliveredSound
from cityzoo.modalities.audio.flags import AudioEvaluateFlags, AudioFlags
from cityzoo.modalities.audio.renderer import AudioRenderer
from cityzoo.modalities.frozen_baseline import fit_baseline, predict_baseline
from cityzoo.modalities.labeled_examples import labeled_options
from cityzoo.modalities.labeled_modality import LabeledModality
from cityzoo.modalities.model_checks import Corruption
from cityzoo.spec import ResolvedSpec, TrainSpec
from zoo.audio import backbones

if TYPE_CHECKING:
    import keras

    from cityzoo.data.audio import AudioDataset, AudioExample, AudioSet
    from cityzoo.modalities.audio.views import AudioViews
    from cityzoo.model import AssembledModel
    from cityzoo.outputs import Output
    from cityzoo.tasks import Task

BLOCKS = tuple(f"block{number:02d}" for number in range(7))
WEIGHTS = ("auto", "random")
VIEWS = 4  # augmented versions of a clip that pass through a frozen backbone
BATCH_SIZE = 32  # windows, in inference
Spec = ResolvedSpec[Any]


class Audio(AudioRenderer, DeliveredSound, LabeledModality[AudioFlags]):
    """Sounds at 16 kHz; the spectrogram is a part of the network."""

    name: ClassVar[str] = "audio"
    unit: ClassVar[str] = "clips"
    flags: ClassVar[type] = AudioFlags
    evaluate_flags: ClassVar[type] = AudioEvaluateFlags
    freeze_points: ClassVar[tuple[str, ...]] = ("none", *BLOCKS, "backbone")
    supports_closed_form: ClassVar[bool] = True
    steps_of_only_phase: ClassVar[int] = 2500  # from random weights, on strongly augmented clips
    supports_preview: ClassVar[bool] = True
    report_sections: ClassVar[tuple[str, ...]] = ("robustness",)
    help_words: ClassVar[Mapping[str, str]] = {
        "sources": "a folder for each class, a CSV with columns path and label, or files with labels in their names",
        "stages": "auto|none|block00|...|backbone",
        "weights": "auto|random|PATH",
        "about_weights": "auto: random; or the model.keras of an earlier run",
        "about_freeze": "block00: the spectrogram, block01: the first block of the network as well, and so on; "
        "backbone: train the head only; auto: none",
        "plan": "backbone:5,none:15",
    }

    def backbones(self) -> Mapping[str, str]:
        return {
            name: f"{row.params_millions:>8.2f} M   {row.about}" for name, row in backbones.BACKBONES.items()
        }

    def check(self, spec: TrainSpec[AudioFlags], task: Task) -> None:
        weights = spec.run.weights
        if spec.run.backbone not in backbones.BACKBONES:
            raise unknown("sound backbone", spec.run.backbone, backbones.names())
        if weights not in WEIGHTS and not Path(weights).is_file():
            raise InputError(f"--weights '{weights}' is neither a file nor one of {', '.join(WEIGHTS)}")

    def read_options(self, spec: TrainSpec[AudioFlags]) -> dict[str, Any]:
        return labeled_options(spec)

    def other_options(self, flags: Mapping[str, Any]) -> dict[str, Any]:
        return {"format": flags["format"], "class_map": flags["class_map"], "is_whole": True}

    def read_unlabelled(self, path: str, flags: Mapping[str, Any]) -> AudioSet:
        from cityzoo.data.audio import load_unlabelled

        return load_unlabelled(path, flags["limit"])[0]

    def named_labels(self, examples: AudioSet, source: str) -> Iterable[tuple[str, bytes]]:
        for each in examples.examples:
            yield each.name, each.target.tobytes()

    def name_of(self, example: AudioExample) -> str:
        return example.name

    def resolve(self, spec: TrainSpec[AudioFlags], data: AudioDataset) -> AudioFlags:
        return reading.resolve_flags(spec, data)

    def default_freeze(self, spec: TrainSpec[AudioFlags]) -> str:
        return "none" if backbones.BACKBONES[spec.run.backbone].blocks else "backbone"

    def build(self, spec: Spec, output: Output, data: AudioDataset) -> AssembledModel:
        from cityzoo.modalities.audio import build

        return build.build(spec, output)

    def prefix(self, backbone: keras.Model, stage: str) -> keras.Model | None:
        from cityzoo.modalities.audio.build import prefix

        return prefix(backbone, stage)

    def views(self, spec: Spec, output: Output, data: AudioDataset) -> tuple[AudioViews, AudioViews]:
        from cityzoo.modalities.audio.views import AudioViews

        flags = spec.modality
        samples = reading.count_samples(flags.clip_seconds)
        train = AudioViews(data.train, output, samples, flags.augment, spec.run.seed)
        return train, AudioViews(data.val, output, samples)

    def views_shown(self, spec: Spec, stage: str) -> int | None:
        return None if stage == "none" else 1 if spec.modality.augment == "none" else VIEWS

    def predict(self, model: keras.Model, examples: AudioSet, output: Output) -> list[Any]:
        from cityzoo.modalities.audio.predict import predict_outputs

        return output.decode(predict_outputs(model, examples, BATCH_SIZE), None, examples.examples)

    def additional_metrics(
        self, model: keras.Model, output: Output, examples: AudioSet, flags: Mapping[str, Any]
    ) -> dict[str, Any]:
        from cityzoo.modalities.audio.predict import measure_false_accepts

        return measure_false_accepts(model, output, examples, flags, BATCH_SIZE)

    def corruptions(self, examples: AudioSet, seed: int) -> Iterator[Corruption]:
        for name, value, level in CONDITIONS:
            changed = (
                replace(each, corruption=(name, value, seed + row))
                for row, each in enumerate(examples.examples)
            )
            yield Corruption(name, level, replace(examples, examples=tuple(changed)))

    def identify(self, examples: AudioSet) -> list[Any]:
        found = [(e, Path(e.path).absolute(), Path(e.path).stat()) for e in examples.examples]
        return [(str(path), stat.st_size, stat.st_mtime_ns, e.corruption) for e, path, stat in found]

    def write_manifest(self, folder: Path, data: AudioDataset, output: Output) -> None:
        fit_baseline(folder, self, data, output)

    def baselines(self, run: Path, examples: AudioSet, output: Output) -> Mapping[str, Sequence[Any]]:
        return predict_baseline(run, self, examples, output)

    def input_signals(self, examples: AudioSet, row: int) -> dict[str, list[float]]:
        return reading.describe_signals(examples.examples[row])

    def slices(self, examples: AudioSet, by: str) -> Masks:
        return reading.slices(examples)


AUDIO = Audio()
