"""Report page of evaluated answers."""

from __future__ import annotations

from cityzoo.report.layout import Card, Chart, Columns, Layout, Section, Table

METHODS: Columns = {
    "hits_1": ("hits at 1", "share"),
    "hits_3": ("hits at 3", "share"),
    "answered": ("answered", "share"),
    "wrong": ("wrong of answered", "share"),
    "outside_rejected": ("outside rejected", "share"),
    "auroc_outside": ("AUROC outside", "score"),
    "outside_rejected_at_90": ("rejected at 90 % kept", "share"),
}
SOURCES: Columns = {
    "source": ("source", "text"),
    "right": ("right", "count"),
    "wrong": ("wrong", "count"),
    "not_answered": ("not answered", "count"),
    "outside": ("of these outside", "count"),
}
EXAMPLES: Columns = {
    "question": ("question", "text"),
    "answer": ("answer of", "text"),
    "expected": ("expected", "text"),
    "probability": ("probability", "score"),
}
SHARES = {
    "answered_inside": "Questions that the passages answer, and that were answered",
    "wrong": "Wrong ones among the answers",
    "outside_rejected": "Outside questions that were not answered",
    "hits_1": "Right passage first, whether answered or not",
    "clarified_right": "Right one among the two that were asked for",
}


def layout() -> Layout:
    """Return what the page of evaluated answers shows."""
    return Layout(
        (
            Card("wrong", "wrong answers", "share of the given answers that are wrong", "share"),
            Card("answered_inside", "answered", "of the questions that the passages answer", "share"),
            Card("auroc_outside", "AUROC", "of the probability, inside against outside questions"),
            Card("outside_rejected", "outside rejected", "outside questions without an answer", "share"),
            Card("hits_1", "hits at 1", "right passage first, whether answered or not", "share"),
            Card("latency_ms/p50", "ms per question", "median, with the embedding", "count"),
        ),
        {},
        sections=(_shares(), _threshold(), _sources()),
    )


def _shares() -> Section:
    return Section(
        "Answers",
        "shares",
        "All numbers are of questions that the threshold was not chosen on.",
        tables=(
            Table(
                "Shares", "shares", {"value": ("share", "share"), "interval": ("95 % interval", "interval")}
            ),
            Table("Methods", "methods", METHODS, "Each with a threshold of its own."),
            Table("Wrong answers", "wrong_answers", EXAMPLES, "Quoted as they are."),
        ),
        remarks=(
            "{n_inside|count} questions that the passages answer, {n_outside|count} outside ones; {n_answered|count} "
            "answered, {n_clarified|count} asked which of two is meant.",
        ),
    )


def _threshold() -> Section:
    return Section(
        "Threshold",
        "coverage_curve",
        charts=(
            Chart(
                "Accuracy against coverage",
                "coverage_curve",
                "coverage",
                "accuracy",
                "share of the questions that is answered",
                "accuracy of these answers",
                unit_square=True,
            ),
            Chart(
                "Reliability",
                "reliability",
                "confidence",
                "accuracy",
                "probability of the first answer",
                "share of right ones",
                diagonal=True,
                size="n",
                style="points",
            ),
        ),
        remarks=(
            "The threshold {threshold} was chosen on {n_calibrated|count} other questions for at most "
            "{wrong_at_most|share} wrong answers.",
            "Expected calibration error: {ece}.",
        ),
    )


def _sources() -> Section:
    note = "The source of the first passage, whether it was given or not."
    return Section("Sources", "by_source", note, tables=(Table("By source", "by_source", SOURCES),))
