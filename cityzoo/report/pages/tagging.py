"""Page of a tagger of words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from cityzoo.report.layout import Card, Columns, Layout, Table
from cityzoo.report.pages.classification import RELIABILITY, REPORT

MEANINGS = {
    "f1": "harmonic mean of precision and recall of entities: first word, last word and type must be right",
    "macro_f1": "mean of F1 over types: rare types count as much as common ones",
    "precision": "share of found entities that are right",
    "recall": "share of true entities that are found",
    "f1_untyped": "F1 without types: first and last word must be right",
}
CLASSES: Columns = {
    "n": ("entities", "count"),
    "f1": ("F1", "bar"),
    "precision": ("precision", "score"),
    "recall": ("recall", "score"),
}
BASELINES = Table(
    "Taggers without a network",
    "baselines",
    {
        "f1": ("F1", "bar"),
        "low": ("from", "score"),
        "high": ("to", "score"),
        "lead": ("lead of this model", "signed"),
        "lead_interval": ("95 %", "interval"),
    },
    "Gazetteer: the longest phrases that are entities in the training texts. Word shapes: a linear model of words, "
    "their shapes, beginnings and ends, their neighbors and the gazetteer. Intervals by a bootstrap of texts.",
)
ERRORS = Table(
    "Errors by kind",
    "errors",
    {"n": ("entities", "count")},
    "Missed: none found there; invented: none is there; wrong boundary: an entity of that type found there begins or "
    "ends elsewhere; wrong type: the boundary is right.",
)


SEQEVAL = replace(REPORT, note="As in seqeval's classification_report in strict mode.")


def layout(report: Mapping[str, Any], class_names: tuple[str, ...] = ()) -> Layout:
    """Return what the page of a tagger shows.

    Example:
        >>> layout({}).remark, "texts_cut" in layout({"texts_cut": 2}).remark
        ('', True)
    """
    names: Columns = {name.replace("~", "~0").replace("/", "~1"): (name, "count") for name in class_names}
    errors = Table(ERRORS.title, ERRORS.key, {**ERRORS.columns, **names}, ERRORS.note)
    return Layout(
        (
            Card("f1", "F1", "of entities; first word, last word and type must be right"),
            Card("precision", "precision", "share of found entities that are right", "share"),
            Card("recall", "recall", "share of true entities that are found", "share"),
            Card(
                "baselines/gazetteer and word shapes/f1", "F1 without a network", "gazetteer and word shapes"
            ),
        ),
        MEANINGS,
        remark="{words_cut|count} words of {texts_cut|count} texts are beyond --max-tokens and were tagged O."
        if report.get("texts_cut")
        else "",
        tables=(BASELINES, Table("Metrics by type", "per_class", CLASSES, colored=True), errors, SEQEVAL),
        charts=(RELIABILITY,),
        images={"worst": "Texts with the most errors", "best": "Texts whose entities were all found"},
        legend=(
            ("", "colored: entities, in the color of their type; underlined in red: not in the other line"),
        ),
        curves={"val_f1": "F1", "val_precision": "precision", "val_recall": "recall"},
        curve_note="Metrics of the validation texts after each epoch.",
    )
