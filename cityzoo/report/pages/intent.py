"""Page of intents: a classifier of many classes that may refuse; its first table compares it with baselines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cityzoo.metrics.keys import look_up
from cityzoo.report import model_card as usual_card
from cityzoo.report.layout import Card, Chart, Columns, Layout, Section, Table
from cityzoo.report.number_format import format_score, format_share, is_number
from cityzoo.report.pages.classification import CALIBRATION, CURVE_NOTE, RELIABILITY, TOP_K
from cityzoo.report.pages.shared import baselines_table

MEANINGS = {
    "accuracy": "share of the texts within the classes that are classified correctly, refused or not",
    "balanced_accuracy": "mean recall over classes: rare classes count as much as common ones",
    "macro_f1": "mean over classes of F1, the harmonic mean of precision and recall",
    "outside_auroc": "probability that a text within the classes scores higher than one outside of all",
    "outside_rejected_at_90": "share of the texts outside that is refused where 90 % of the others are answered",
    "kept": "share of the texts within the classes that is answered",
    "outside_rejected": "share of the texts outside of all classes that is refused",
    "answered_accuracy": "share of the answered texts within the classes that is answered correctly",
    "wrong_answers": "share of all answers that are wrong, those to texts outside included",
    "loss": "log loss of the probabilities, 0 is perfect",
}
MISTAKE: Columns = {
    "text": ("text", "text"),
    "truth": ("truth", "text"),
    "answer": ("answer", "text"),
    "probability": ("probability", "share"),
}
UNKNOWN = "No texts outside of all classes were evaluated: how well they are refused is unknown."
REJECTION = Section(
    "Knowing when not to answer",
    "rejection/score",
    "Texts whose score is below the threshold are not answered. Score and threshold were chosen on validation texts.",
    tables=(
        Table(
            "Scores",
            "rejection/scores",
            {
                "outside_auroc": ("AUROC", "bar"),
                "outside_rejected_at_90": (
                    "refused of the texts outside, 90 % of the others answered",
                    "share",
                ),
            },
        ),
    ),
    charts=(
        Chart(
            "Refusing",
            "rejection/kept_rejected",
            "kept",
            "rejected",
            "share of the texts within the classes that is answered",
            "refused share of texts outside",
            unit_square=True,
        ),
        Chart(
            "Risk and coverage",
            "rejection/risk_coverage",
            "coverage",
            "risk",
            "share of the texts that is answered",
            "wrong share of the answers",
            "The surest answers come first.",
        ),
    ),
    remarks=(
        "Answered from a score of {rejection/threshold} on ({rejection/score|text}); evaluated on "
        "{rejection/n_inside|count} texts within the classes and {rejection/n_outside|count} outside of all.",
        "Chosen to answer {rejection/keep|share} of the texts within the classes.",
        "Chosen such that at most {rejection/wrong_at_most|share} of the answers are wrong.",
    ),
)
MISTAKES = Section(
    "Mistakes",
    "mistakes",
    "Without what looks like personal data; the most confident first.",
    tables=(
        Table("Wrong answers", "mistakes/wrong_answers", MISTAKE),
        Table("Refused, though the answer would have been right", "mistakes/wrong_refusals", MISTAKE),
        Table("Answered, though outside of all classes", "mistakes/answered_outside", MISTAKE),
    ),
)


CARDS = (
    Card("accuracy", "accuracy", "share of the texts within the classes classified correctly", "share"),
    Card("answered_accuracy", "of what is answered", "correct, of the texts within the classes", "share"),
    Card("kept", "answered", "of the texts within the classes", "share"),
    Card("outside_rejected", "refused", "of the texts outside of all classes", "share"),
    Card("outside_auroc", "AUROC of refusing", "how well texts outside are told apart, 1 is perfect"),
)
CONFUSED = Table(
    "Most confused classes",
    "confused",
    {
        "true": ("true class", "text"),
        "predicted": ("taken for", "text"),
        "n": ("texts", "count"),
        "share": ("of the class", "share"),
    },
)
BY_CLASS = Table(
    "Metrics by class",
    "per_class",
    {
        "f1": ("F1", "bar"),
        "recall": ("recall", "score"),
        "precision": ("precision", "score"),
        "n": ("texts", "count"),
    },
    "The weakest first.",
    most=30,
)


def layout(report: Mapping[str, Any], class_names: tuple[str, ...] = ()) -> Layout:
    """Return what the page of intents shows."""
    return Layout(
        CARDS,
        MEANINGS,
        lower=("loss", "wrong_answers"),
        neutral=("kept",),
        remark="" if look_up(report, "outside_auroc") is not None else UNKNOWN,
        headline=baselines_table("accuracy", "accuracy"),
        tables=(CONFUSED, BY_CLASS, TOP_K, CALIBRATION),
        charts=(RELIABILITY,),
        sections=(REJECTION, MISTAKES),
        curves={"val_accuracy": "accuracy", "val_outside_auroc": "AUROC of refusing"},
        curve_note=CURVE_NOTE,
    )


def model_card(report: Mapping[str, Any], task_summary: str) -> dict[str, list[str]]:
    """Return the card of an intent model, see `cityzoo.report.model_card.model_card`.

    Example:
        >>> report = {"baselines": {"TF-IDF + linear": {"accuracy": 0.9, "lead": 0.01, "lead_interval": [-0.01, 0.03]}}}
        >>> model_card(report, "what a citizen wants")["Known limits"][0]
        'Not significantly better than TF-IDF + linear (accuracy 0.900), which is simpler.'
    """
    card = usual_card.model_card(report, task_summary)
    card["Known limits"] = [*_limits(report), *card["Known limits"]]
    return card


def _limits(report: Mapping[str, Any]) -> Iterator[str]:
    for name, row in (report.get("baselines") or {}).items():
        low, high = row.get("lead_interval") or (None, None)
        accuracy = format_score(row.get("accuracy"))
        if is_number(high) and high < 0:
            yield f"Worse than {name} (accuracy {accuracy}), which is simpler: use that instead."
        elif is_number(low) and low <= 0:
            yield f"Not significantly better than {name} (accuracy {accuracy}), which is simpler."
    if report.get("kept") is not None and report.get("outside_auroc") is None:
        yield UNKNOWN
    wrong = report.get("wrong_answers")
    if wrong is not None:
        yield f"{format_share(wrong)} of its answers to the evaluated texts are wrong."
