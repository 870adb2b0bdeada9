"""Flags of tasks on rows with several modalities."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cityzoo.cli import flag
from cityzoo.cli.search_range import linear_range, options
from cityzoo.cli.values import parse_mapping, parse_names, parse_number, parse_smoothing
from cityzoo.modalities.labeled_flags import LabeledEvaluateFlags, LabeledFlags
from heads.fusion_kinds import FUSIONS

ALIGN_WITHIN = 30.0


@dataclass(frozen=True)
class MultimodalFlags(LabeledFlags):
    """How rows are read, encoded and fused."""

    encoders: Mapping[str, str] | None = flag(
        None,
        "encoder of each column: a run folder, a backbone, or statistics (sensor, counts, sound) and hashing (text), "
        "e.g. image=runs/a,text=minilm (default: mobilenet_v2; minilm if it is here, else hashing; statistics)",
        parse_mapping,
        "COLUMN=ENCODER",
    )
    parts: tuple[str, ...] = flag(
        (), "tables with times of their own, whose rows go to the rows of --data", parse_names, "A,B"
    )
    align_within: float = flag(
        ALIGN_WITHIN, "largest distance in time of rows of --parts, in seconds", parse_number, "SECONDS"
    )
    fusion: str = flag(
        "gated",
        "how modalities are fused: mean of the probabilities of each (late), side by side (concat), added by weights "
        "(gated), or each looking at the others (cross_attention)",
        choices=FUSIONS,
        search=options(*FUSIONS),
    )
    modality_dropout: float = flag(
        0.3,
        "share of the cells that are hidden in each training step, so that the model can do without them",
        parse_smoothing,
        "SHARE",
        search=linear_range(0.0, 0.5, needs_gradients=True),
    )


@dataclass(frozen=True)
class MultimodalEvaluateFlags(LabeledEvaluateFlags):
    """Flags of evaluate.py for tasks on rows with several modalities."""

    parts: tuple[str, ...] = flag(
        (), "tables with times of their own, whose rows go to the rows of --data", parse_names, "A,B"
    )
    predict: str | None = flag(
        None, "a table without labels: write the probabilities of its rows as JSON", metavar="PATH"
    )
