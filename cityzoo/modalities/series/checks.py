"""Checks of forecasters beyond their metrics: which sensors forecasts depend on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from cityzoo.modalities.model_checks import Intervention, ModelChecks

if TYPE_CHECKING:
    import numpy as np

    from cityzoo.data.series.windows import WindowSet


class SeriesChecks(ModelChecks):
    """What `cityzoo.modalities.ModelChecks` declares, for series."""

    def interventions(self, examples: WindowSet, seed: int) -> Iterator[Intervention]:
        from cityzoo.modalities.series.interventions import change_sensors

        return change_sensors(examples, seed)

    def score_changed(self, examples: WindowSet, results: Sequence[Any], output: Any) -> np.ndarray:
        from cityzoo.modalities.series.interventions import score_windows

        return score_windows(examples, results, output)
