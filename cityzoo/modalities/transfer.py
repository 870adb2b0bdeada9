"""How a modality's pretrained backbone is trained: freezing, learning rates by layer, and the optimizer's defaults."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

if TYPE_CHECKING:
    import keras

    from cityzoo.model import AssembledModel
    from cityzoo.spec import ResolvedSpec, TrainSpec

Flags = TypeVar("Flags")


class TransferSettings(Generic[Flags]):
    """The part of a modality that decides how its backbones are trained.

    Attributes:
        freeze_points: values of --freeze besides "auto".
        trains_head_first: whether, by default, a first phase trains the head alone.
        supports_closed_form: whether features can be cached, from which a head is computed in closed form.
        epochs_after_closed_form: most epochs, by default, of the phase behind a head in closed form.
        steps_of_only_phase: by default, as far as that many epochs are allowed.
    """

    freeze_points: ClassVar[tuple[str, ...]] = ("none", "backbone")
    trains_head_first: ClassVar[bool] = False
    supports_closed_form: ClassVar[bool] = False
    epochs_after_closed_form: ClassVar[int] = 100
    steps_of_only_phase: ClassVar[int] = 1300

    def default_freeze(self, spec: TrainSpec[Flags]) -> str:
        """Return what `--freeze auto` means."""
        return "none"

    def starts_untrained(self, spec: TrainSpec[Flags]) -> bool:
        """Return whether the backbone starts from random weights, which are of no use frozen."""
        return spec.run.weights == "random"

    def size_hw(self, spec: ResolvedSpec[Flags]) -> tuple[int, int] | None:
        """Return height and width of the network's input in pixels; None where examples have none."""
        return None

    def training_spec(self, spec: ResolvedSpec[Flags]) -> ResolvedSpec[Flags]:
        """Return what the run trains with, where the saved model takes a larger input than that."""
        return spec

    def dtype_policies(self, spec: TrainSpec[Flags]) -> tuple[str, str]:
        """Return the dtype policies of backbone and head."""
        return "float32", "float32"

    def freeze(self, assembled: AssembledModel, spec: ResolvedSpec[Flags], stage: str) -> None:
        """Freeze the backbone up to a freeze point; the head always trains.

        Raises:
            ValueError: the backbone has no such point.
        """
        for layer in assembled.backbone.layers:
            layer.trainable = stage == "none"

    def stage_of_layers(self, backbone: keras.Model) -> Mapping[str, str]:
        """Return the stage of each of the backbone's layers, deeper stages sorting first."""
        return {layer.name: "backbone" for layer in backbone.layers}

    def layer_decay(self, spec: ResolvedSpec[Flags]) -> float:
        """Return the factor of the learning rate from each stage to the one before it."""
        return 1.0

    def backbone_rate(self, spec: TrainSpec[Flags]) -> float:
        """Return the factor of the learning rate of the backbone, that of the head being 1."""
        return 1.0

    def optimizer_settings(self, spec: ResolvedSpec[Flags]) -> dict[str, Any]:
        """Return arguments of `cityzoo.fit.optimizers.optimizer` that differ from its defaults."""
        return {}

    def schedule_settings(self, spec: ResolvedSpec[Flags], steps: int) -> dict[str, Any]:
        """Return arguments of `cityzoo.fit.schedules.schedule` that differ from its defaults."""
        return {}

    def prefix(self, backbone: keras.Model, stage: str) -> keras.Model | None:
        """Return the frozen part of the backbone if its outputs can be cached, else None."""
        return None
