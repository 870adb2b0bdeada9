"""Page of a classifier that names one class per image."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cityzoo.report.layout import Card, Chart, Layout, Table
from cityzoo.report.pages.shared import baselines_table, confusion_table, precision_recall_chart
from cityzoo.report.pages.unlabelled import UNLABELLED

MEANINGS = {
    "balanced_accuracy": "mean recall over classes: rare classes count as much as common ones",
    "accuracy": "share classified correctly",
    "macro_f1": "mean over classes of F1, the harmonic mean of precision and recall",
    "mean_auroc": "probability that an example of a class is ranked above one without it, mean over classes",
    "mean_ap": "average precision, mean over classes",
    "loss": "log loss of the probabilities, 0 is perfect",
}
IMAGES = {"worst": "Most confident mistakes", "best": "Most confident correct predictions"}
LEGEND = (("", "below each image: prediction with its probability, then the true class"),)
CURVE_NOTE = "Metrics of the validation examples after each epoch."
TOP_K = Table(
    "Top-k accuracy",
    "top_k",
    {"": ("accuracy", "share")},
    "Share of examples whose class is among the k most probable ones.",
)
REPORT = Table(
    "Precision, recall, F1",
    "classification_report",
    {
        "precision": ("precision", "score"),
        "recall": ("recall", "score"),
        "f1-score": ("F1", "score"),
        "support": ("examples", "count"),
    },
    "As in scikit-learn's classification_report.",
)
ROC = Chart(
    "ROC curve",
    "curves/roc",
    "false_positive_rate",
    "true_positive_rate",
    "false positive rate",
    "true positive rate (recall)",
    diagonal=True,
    unit_square=True,
)
RELIABILITY = Chart(
    "Reliability diagram",
    "calibration/bins",
    "confidence",
    "accuracy",
    "predicted probability",
    "share of correct predictions",
    "On the gray line predictions of probability .8 are correct in 80 %; below it the model is overconfident. Larger "
    "points stand for more predictions.",
    diagonal=True,
    unit_square=True,
    size="n",
)
CALIBRATION = Table(
    "Calibration",
    "calibration/table",
    {"as_it_is": ("unscaled", "score"), "scaled": ("with temperature", "score")},
    "Expected calibration error and log loss, before and after temperature scaling (cross-validated: the "
    "temperature is fitted and evaluated on different held-out examples).",
)


def layout(report: Mapping[str, Any], class_names: tuple[str, ...] = ()) -> Layout:
    """Return what the page of a classifier shows."""
    by_class = Table(
        "Metrics by class",
        "per_class",
        {
            "n": ("examples", "count"),
            "recall": ("recall", "bar"),
            "precision": ("precision", "score"),
            "f1": ("F1", "score"),
            "auroc": ("AUROC", "score"),
        },
    )
    confusion = confusion_table(class_names, "Rows: true class; columns: predicted class.")
    return Layout(
        (
            Card("balanced_accuracy", "balanced accuracy", "mean recall over classes", "share"),
            Card("accuracy", "accuracy", "share classified correctly", "share"),
            Card("mean_auroc", "AUROC", "how well examples of a class rank above others, 1 is perfect"),
            Card("macro_f1", "F1", "harmonic mean of precision and recall, mean over classes"),
        ),
        MEANINGS,
        lower=("loss",),
        headline=baselines_table("balanced_accuracy", "balanced accuracy"),
        tables=(by_class, confusion, REPORT, TOP_K, CALIBRATION, UNLABELLED),
        charts=(ROC, precision_recall_chart(), RELIABILITY),
        images=IMAGES,
        legend=LEGEND,
        curves={"val_balanced_accuracy": "balanced accuracy", "val_mean_auroc": "AUROC"},
        curve_note=CURVE_NOTE,
    )
