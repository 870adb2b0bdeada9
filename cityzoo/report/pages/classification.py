"""What a page shows of a classifier."""

from __future__ import annotations

from collections.abc import Sequence

from cityzoo.metrics.keys import pointer
from cityzoo.report.layout import Card, Chart, Layout, Table

MEANINGS = {
    "balanced_accuracy": "mean over classes of the share that was named right: rare classes count as much",
    "accuracy": "share of images that were named right",
    "macro_f1": "mean over classes of F1, the balance of precision and recall",
    "mean_auroc": "chance that an image of a class is given more probability of it than one without",
    "mean_ap": "average precision, mean over classes: how pure the top of the list is",
    "loss": "log loss: how far probabilities are from the truth, 0 is perfect",
}
UNLABELLED = Table(
    "What images without labels gained",
    "unlabelled",
    {
        "labelled_only": ("without them", "score"),
        "with_unlabelled": ("with them", "score"),
        "gain": ("change", "score"),
    },
    "The same training, seed and held-out images, once without them.",
)
IMAGES = {"worst": "Its surest mistakes", "best": "Where it is right, and sure"}
TOP_K = Table(
    "Among its first answers",
    "top_k",
    {"": ("right", "share")},
    "Share of images whose class is among the first k answers.",
)
REPORT = Table(
    "Precision, recall, F1",
    "classification_report",
    {
        "precision": ("precision", "score"),
        "recall": ("recall", "score"),
        "f1-score": ("F1", "score"),
        "support": ("images", "count"),
    },
    "As scikit-learn's classification_report prints it.",
)
ROC = Chart(
    "Found against false alarms (ROC)",
    "curves/roc",
    "false_positive_rate",
    "true_positive_rate",
    "share of the others that is taken for it",
    "share that is found",
    diagonal=True,
    unit_square=True,
)
PRECISION_RECALL = Chart(
    "Precision against recall",
    "curves/precision_recall",
    "recall",
    "precision",
    "share that is found (recall)",
    "share of the reports that is right (precision)",
    unit_square=True,
)
RELIABILITY = Chart(
    "Whether its probabilities can be believed",
    "calibration/bins",
    "confidence",
    "accuracy",
    "probability that it gives",
    "share that is right",
    "On the grey line a probability of .8 is right four times in five; below it the model is too sure of itself.",
    diagonal=True,
    unit_square=True,
    size="n",
)
CALIBRATION = Table(
    "Calibration",
    "calibration/table",
    {"as_it_is": ("as it is", "score"), "scaled": ("with a temperature", "score")},
    "Expected calibration error and log loss, also after dividing logits by one temperature that was fitted on other "
    "held-out images than it is judged on; where that is worse, leave it.",
)


def one_class_layout(class_names: Sequence[str]) -> Layout:
    """Return what a page shows of a classifier that names one class an image."""
    columns = {"n": ("images", "count"), "recall": ("recall", "bar"), "precision": ("precision", "score")}
    confusion = Table(
        "What was taken for what",
        "confusion",
        {pointer(name): (name, "heat") for name in class_names},
        "A row for what an image shows, a column for what was said.",
    )
    by_class = columns | {"f1": ("F1", "score"), "auroc": ("AUROC", "score")}
    return Layout(
        (
            Card("balanced_accuracy", "right", "of each class, on average (balanced accuracy)", "share"),
            Card("accuracy", "right", "of all images (accuracy)", "share"),
            Card("mean_auroc", "AUROC", "how well a class's images rank before others, 1 is perfect"),
            Card("macro_f1", "F1", "balance of precision and recall, mean over classes"),
        ),
        MEANINGS,
        lower=("loss",),
        tables=(
            Table("Class by class", "per_class", by_class),
            confusion,
            REPORT,
            TOP_K,
            CALIBRATION,
            UNLABELLED,
        ),
        charts=(ROC, PRECISION_RECALL, RELIABILITY),
        images=IMAGES,
        legend=(("", "below each image: what was said and how surely, then what is true"),),
        curves={"val_balanced_accuracy": "balanced accuracy", "val_mean_auroc": "AUROC"},
        curve_note="Figures of the validation images after each epoch.",
    )


def several_classes_layout(per_1000: float) -> Layout:
    """Return what a page shows of a classifier with alarm thresholds."""
    columns = {"n": ("images", "count"), "auroc": ("AUROC", "bar"), "ap": ("AP", "score")}
    columns |= {"precision": ("precision at .5", "score"), "recall": ("recall at .5", "score")}
    points = {
        "threshold": ("threshold", "score"),
        "recall": ("found", "share"),
        "false_alarms_per_1000": ("false alarms in 1,000", "count"),
        "frames_without": ("frames without", "count"),
        "smallest_rate_shown": ("one of them is, in 1,000", "count"),
    }
    alarms = Table(
        "When to raise an alarm",
        "alarms",
        points,
        f"Thresholds for at most {per_1000:g} false alarms in 1,000 frames without the class, set on these very "
        "frames: expect more elsewhere, and more the fewer frames there are.",
    )
    return Layout(
        (
            Card("mean_auroc", "AUROC", "how well frames with an incident rank before others, 1 is perfect"),
            Card("mean_ap", "AP", "how pure the top of the list is, 1 is perfect"),
        ),
        {name: MEANINGS[name] for name in ("mean_auroc", "mean_ap", "macro_f1", "loss")},
        lower=("loss",),
        tables=(alarms, Table("Class by class", "per_class", columns), REPORT, CALIBRATION),
        charts=(ROC, PRECISION_RECALL, RELIABILITY),
        images=IMAGES,
        legend=(("", "below each image: what was said and how surely, then what is true"),),
        curves={"val_mean_auroc": "AUROC", "val_mean_ap": "AP"},
        curve_note="Figures of the validation images after each epoch.",
    )
