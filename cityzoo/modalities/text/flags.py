"""Flags of tasks on texts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cityzoo.cli import flag
from cityzoo.cli.search_range import linear_range
from cityzoo.cli.values import (
    AUTO,
    parse_auto_count,
    parse_count,
    parse_mapping,
    parse_names,
    parse_score,
    parse_share,
    parse_way,
)
from cityzoo.modalities.labeled_flags import LabeledEvaluateFlags, LabeledFlags
from cityzoo.spec import Auto

ROBUSTNESS_TEXTS = 300


@dataclass(frozen=True)
class TextFlags(LabeledFlags):
    """How texts are read and fed to a backbone."""

    class_map: Mapping[str, str] | None = flag(
        None,
        "rename or drop classes of the data, or put them outside of all: lost_card=card,smalltalk=ignore,oos=outside",
        parse_mapping,
        "A=B,C=ignore",
    )
    split_by: str = flag(
        "text",
        "without a val split: by text; or by groups of texts that are alike, such as storms, even where there is one",
        choices=("text", "group"),
    )
    hold_out: tuple[str, ...] = flag(
        (), "groups of texts that are val, such as the names of storms", parse_names, "A,B"
    )
    prompt: str | None = flag(
        None,
        "also classify by the words of the classes' names in the gap of a sentence, as one more baseline: "
        "'It is about {mask}.'; needs an encoder with the head of a masked language model",
        metavar="SENTENCE",
    )
    max_tokens: int | Auto = flag(
        AUTO,
        "tokens of a text that are read; auto: as many as 99.5 %% of the training texts have, at most 256",
        parse_auto_count,
        "N",
    )
    adapt: str | None = flag(
        None,
        "train few new parameters instead of the backbone's own: lora:RANK, adalora:RANK, adapter:WIDTH, bias, norm; "
        "leaves a small delta file next to the model",
        parse_way,
        "METHOD",
    )
    delta: str | None = flag(
        None, "start from the delta file of an earlier --adapt run on the same base weights", metavar="FILE"
    )
    layer_decay: float = flag(
        0.9,
        "factor of the learning rate from each block to the one before it, 0 to 1",
        parse_share,
        "FACTOR",
        search=linear_range(0.6, 1.0, needs_gradients=True),
    )


@dataclass(frozen=True)
class ResolvedTextFlags(TextFlags):
    """The same with every "auto" replaced by a value."""

    max_tokens: int = 64


@dataclass(frozen=True)
class TextEvaluateFlags(LabeledEvaluateFlags):
    """Flags of evaluate.py for tasks on texts."""

    class_map: Mapping[str, str] | None = flag(
        None,
        "rename the data's classes to the model's, or drop them: lost_card=card,smalltalk=ignore,oos=outside",
        parse_mapping,
        "A=B",
    )
    predict: str | None = flag(
        None, "a file of texts without labels, one per line or a table: write answers as JSON", metavar="PATH"
    )
    robustness: int | None = flag(
        None,
        f"also evaluate with typos, other case, without punctuation ..., on N texts ({ROBUSTNESS_TEXTS} if not given)",
        parse_count,
        "N",
        const=ROBUSTNESS_TEXTS,
    )
    interventions: int | None = flag(
        None,
        "exchange places, persons, names and numbers of N texts, on which answers should not depend "
        f"({ROBUSTNESS_TEXTS} if not given)",
        parse_count,
        "N",
        const=ROBUSTNESS_TEXTS,
    )
    explain: str | None = flag(
        None,
        "show which words answers depend on: of N informative texts, or of the text at FILE:LINE",
        metavar="N|FILE:LINE",
    )
    score: float | None = flag(
        None, "lowest confidence of what --predict names: an entity, an event", parse_score, "0..1"
    )
