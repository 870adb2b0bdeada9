"""How exported models of sounds are fed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from cityzoo.data.audio.decode import SAMPLE_RATE
from cityzoo.data.audio.windows import OVERLAP, windows
from cityzoo.modalities.delivery import DeliveredInput

if TYPE_CHECKING:
    from cityzoo.data.audio import AudioSet


class DeliveredSound(DeliveredInput):
    """The part of the modality that export asks."""

    def describe_input(self, model: Any, output: Any, shape: Sequence[int | None]) -> dict[str, Any]:
        rule = "shorter clips are centered in zeros; of longer ones the mean of the outputs over windows is taken"
        return {
            "range": [-1, 1],
            "sound": {"rate": SAMPLE_RATE, "channels": "their mean", "rule": rule, "overlap": OVERLAP},
        }

    def feeding_order(self, model: Any, examples: AudioSet, output: Any) -> Sequence[int]:
        samples = model.inputs[0].shape[1]
        counts = [len(windows(each.read(), samples)) for each in examples.examples]
        return [row for row, count in enumerate(counts) for _ in range(count)]
