"""Contents of the page of drift."""

from __future__ import annotations

from cityzoo.report.layout import Card, Columns, Layout, Section, Table

CARDS = (
    Card("n_changed", "signals changed", "of those in the table, each against its limit", "count"),
    Card("two_sample/auc", "AUC", "of telling new examples from reference ones; 0.5: not at all"),
    Card("two_sample/p_value", "p value", "of that AUC, by permutations of whole scenes or minutes"),
    Card("predicted/value", "predicted metric", "on the new examples, without labels"),
    Card("predicted/held_out", "the same metric", "on the held-out examples"),
)
SIGNALS: Columns = {
    "statistic": ("statistic", "bar"),
    "limit": ("limit", "score"),
    "reference": ("mean before", "score"),
    "new": ("mean now", "score"),
    "changed": ("", "text"),
}
CAMERAS: Columns = {
    "count": ("images", "count"),
    "state": ("state", "text"),
    "likeness_before": ("likeness before", "score"),
    "likeness": ("likeness now", "score"),
}
UNLIKE: Columns = {
    "text": ("", "text"),
    "distance": ("distance", "score"),
    "nearest": ("nearest of the reference", "text"),
}
TO_LABEL: Columns = {"distance": ("distance", "score"), "confidence": ("confidence", "score")}


SECTIONS = (
    Section(
        "What the metric probably is",
        "predicted",
        "Predicted from the scores of the answers, by a regression on the held-out examples under corruptions.",
        remarks=(
            "{predicted/metric|text} {predicted/value}, 95 % interval {predicted/low} to {predicted/high}; "
            "{predicted/held_out} on the held-out examples.",
            "New camera: {predicted/accepted|text}; wanted is {predicted/wanted}.",
        ),
    ),
    Section(
        "What has changed",
        "signals",
        "Features: AUC of the two-sample test; other signals: largest difference of the cumulative distributions. "
        "Few of the reference's own periods exceed any of the limits.",
        tables=(Table("By signal", "signals", SIGNALS),),
    ),
    Section(
        "Cameras",
        "cameras",
        "Median images, in which nothing moves. Likeness: correlation of edges with the reference's median.",
        tables=(Table("By camera", "cameras", CAMERAS),),
        images={"views": "Median image of each camera, at evaluation and now"},
    ),
    Section(
        "The most unlike examples",
        "unlike",
        "New ones next to the nearest of the reference, by the backbone's features.",
        images={"unlike": "New example, nearest reference example"},
        tables=(Table("By distance", "unlike", UNLIKE),),
    ),
    Section(
        "Worth labeling",
        "to_label",
        "Unlike the reference and answered without confidence; near duplicates are left out. "
        "python -m cityzoo select chooses by more than that.",
        tables=(Table("In this order", "to_label", TO_LABEL),),
    ),
)


def layout() -> Layout:
    """Return the contents of the page of a report of drift."""
    return Layout(
        cards=CARDS,
        meanings={},
        remark="Compared with {n_reference|count} held-out {examples|text}. At most {false_alarms|share} of the "
        "reference's own periods would raise an alarm.",
        sections=SECTIONS,
    )
