"""Rows with several modalities: what cameras, reports, sensors and microphones know of the same moment."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from cityzoo.errors import InputError, unknown
from cityzoo.modalities import Masks
from cityzoo.modalities.labeled_examples import masks_by_value, read_sides
from cityzoo.modalities.labeled_modality import LabeledModality
from cityzoo.modalities.multimodal import data as reading
from cityzoo.modalities.multimodal.flags import MultimodalEvaluateFlags, MultimodalFlags
from cityzoo.replace_file import replace_file
from cityzoo.spec import CLOSED_FORM, ResolvedSpec, TrainSpec

if TYPE_CHECKING:
    import keras

    from cityzoo.data.multimodal import MultimodalDataset, MultimodalSet
    from cityzoo.modalities.multimodal.views import MultimodalViews
    from cityzoo.model import AssembledModel
    from cityzoo.outputs import Output
    from cityzoo.tasks import Task

BACKBONE = "frozen_encoders"
ENCODERS, WORTH = "encoders.json", "modalities.json"  # in a run folder
BATCH_SIZE = 256  # rows, in inference
Spec = ResolvedSpec[Any]


class Multimodal(LabeledModality[MultimodalFlags]):
    """Rows of a table; the network takes the features of frozen encoders."""

    name: ClassVar[str] = "multimodal"
    unit: ClassVar[str] = "rows"
    flags: ClassVar[type] = MultimodalFlags
    evaluate_flags: ClassVar[type] = MultimodalEvaluateFlags
    supports_closed_form: ClassVar[bool] = True
    steps_of_only_phase: ClassVar[int] = 1200
    companions: ClassVar[tuple[str, ...]] = (ENCODERS,)
    help_words: ClassVar[Mapping[str, str]] = {
        "sources": "a CSV or JSONL with columns time, place, image, text, sensor, counts, sound, label, or a folder",
        "about_freeze": "none: the fusion and the head; backbone: the head only; the encoders are always frozen",
    }

    def backbones(self) -> Mapping[str, str]:
        return {BACKBONE: "the encoders of --encoders, frozen, and the fusion of --fusion behind them"}

    def check(self, spec: TrainSpec[MultimodalFlags], task: Task) -> None:
        if spec.run.backbone != BACKBONE:
            raise unknown("backbone of rows", spec.run.backbone, [BACKBONE])

    def read_options(self, spec: TrainSpec[MultimodalFlags]) -> dict[str, Any]:
        run, flags = spec.run, spec.modality
        whole = {"classes": flags.classes, "val": flags.val, "limit": run.limit, "strict": run.strict}
        return {**whole, "parts": flags.parts, "within": flags.align_within}

    def other_options(self, flags: Mapping[str, Any]) -> dict[str, Any]:
        return {"is_whole": True, "parts": flags["parts"]}

    def read(self, spec: TrainSpec[MultimodalFlags], task: Task) -> MultimodalDataset:
        return reading.encode(super().read(spec, task), spec)

    def read_to_evaluate(
        self,
        spec: TrainSpec[MultimodalFlags],
        task: Task,
        class_names: Sequence[str],
        flags: Mapping[str, Any],
    ) -> tuple[MultimodalSet, Any]:
        truth, found = read_sides(spec, task, flags, self.read_options(spec), self.other_options(flags))
        empty = replace(found.train, examples=())
        encoded = reading.encode(replace(found, train=empty, val=truth, test=None), spec).val
        return self.reorder_labels(encoded, class_names), found.findings

    def read_to_predict(
        self, run: Path, spec: TrainSpec[MultimodalFlags], path: str, flags: Mapping[str, Any]
    ) -> MultimodalSet:
        known = json.loads((run / ENCODERS).read_text(encoding="utf-8"))
        return reading.read_to_predict(run, spec, path, flags, known)

    def resolve(self, spec: TrainSpec[MultimodalFlags], data: MultimodalDataset) -> MultimodalFlags:
        return replace(spec.modality, encoders={k: name for k, (name, _) in data.train.encoders.items()})

    def default_freeze(self, spec: TrainSpec[MultimodalFlags]) -> str:
        return CLOSED_FORM if spec.modality.fusion == "late" else "none"

    def build(self, spec: Spec, output: Output, data: MultimodalDataset) -> AssembledModel:
        from cityzoo.modalities.multimodal import build

        return build.build(spec, output, data)

    def stage_of_layers(self, backbone: keras.Model) -> Mapping[str, str]:
        return {layer.name: "backbone" for layer in backbone.layers}

    def freeze(self, assembled: AssembledModel, spec: Spec, stage: str) -> None:
        from cityzoo.modalities.multimodal import build

        build.freeze(assembled.backbone, stage)

    def views(
        self, spec: Spec, output: Output, data: MultimodalDataset
    ) -> tuple[MultimodalViews, MultimodalViews]:
        from cityzoo.modalities.multimodal.views import MultimodalViews

        return MultimodalViews(data.train, output), MultimodalViews(data.val, output)

    def predict(self, model: keras.Model, examples: MultimodalSet, output: Output) -> list[Any]:
        from cityzoo.backend import compiled

        run, rows = compiled(model), examples.features()
        found = [np.asarray(run(rows[at : at + BATCH_SIZE])) for at in range(0, len(rows), BATCH_SIZE)]
        return output.decode(np.concatenate(found), None, examples.examples) if found else []

    def additional_metrics(
        self, model: keras.Model, output: Output, examples: MultimodalSet, flags: Mapping[str, Any]
    ) -> dict[str, Any]:
        return {"modalities": self._measure(model, output, examples)}

    def _measure(self, model: keras.Model, output: Output, examples: MultimodalSet) -> dict[str, Any]:
        from cityzoo.modalities.multimodal.worth import measure_worth

        return measure_worth(model, output, examples, self.predict, seed=0)

    def write_examples(
        self,
        output: Output,
        examples: MultimodalSet,
        results: Sequence[Any],
        details: Mapping[str, Any],
        folder: Path,
    ) -> dict[str, Any]:
        file = folder / WORTH
        return {"modalities": json.loads(file.read_text())} if file.is_file() else {}

    def identify(self, examples: MultimodalSet) -> list[Any]:
        named = [list(pair) for pair in examples.encoders.values()]
        return [named, *([e.path, e.features.tobytes().hex()] for e in examples.examples)]

    def write_manifest(self, folder: Path, data: MultimodalDataset, output: Output) -> None:
        from cityzoo.modalities.multimodal.late_baseline import fit_baseline
        from cityzoo.model import load

        train = data.train
        about = {
            modality: {"encoder": name, "digest": digest, "size": train.sizes[modality]}
            for modality, (name, digest) in train.encoders.items()
        }
        with replace_file(folder / ENCODERS) as part:
            part.write_text(json.dumps(about, indent=1), encoding="utf-8")
        fit_baseline(folder, train, output)
        found = self._measure(load(folder / "model.keras"), output, data.held_out)
        with replace_file(folder / WORTH) as part:
            part.write_text(json.dumps(found), encoding="utf-8")

    def check_manifest(self, folder: Path, examples: MultimodalSet) -> None:
        if not (folder / ENCODERS).is_file():
            return
        known = json.loads((folder / ENCODERS).read_text(encoding="utf-8"))
        if list(known) != list(examples.sizes):
            raise InputError(
                f"the rows have {', '.join(examples.sizes)}, but '{folder}' was trained on {', '.join(known)}: give "
                "rows with the same columns; single cells may be empty"
            )
        reading.check_encoders(folder, known, examples)

    def baselines(self, run: Path, examples: MultimodalSet, output: Output) -> Mapping[str, Sequence[Any]]:
        from cityzoo.modalities.multimodal.late_baseline import predict_baseline

        return predict_baseline(run, examples, output)

    def slices(self, examples: MultimodalSet, by: str) -> Masks:
        names = np.array(list(examples.sizes))
        lacking = [", ".join(names[~row]) or "nothing" for row in examples.present()]
        return masks_by_value({"missing": lacking, "place": [each.place for each in examples.examples]})


MULTIMODAL = Multimodal()
