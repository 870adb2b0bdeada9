"""Parts that pages share: confusion matrix, precision-recall curve, robustness, explanations; the page of repeats."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cityzoo.metrics.keys import pointer
from cityzoo.report.layout import Card, Chart, Columns, Layout, Section, Table
from cityzoo.report.number_format import metric_label
from cityzoo.report.pages.adversarial import ATTACKS
from cityzoo.report.pages.folds import NEW_SOURCES
from cityzoo.report.pages.fusion import FUSION
from cityzoo.report.pages.interventions import INTERVENTIONS, RULES, SENSOR_RULES
from cityzoo.report.pages.lineage import LINEAGE
from cityzoo.report.pages.robust_groups import GROUPS

STRENGTHS = ("0.2", "0.4", "0.6", "0.8", "1")  # of `corruptions.STRENGTHS`, as headings

ROBUSTNESS = Section(
    "Robustness",
    "robustness",
    "The same images with simulated weather, light and camera faults: relative loss of the metric. Negative: the "
    "corruption improved it.",
    cards=(
        Card("robustness/mean_corruption_loss", "lost", "mean over corruptions and strengths", "share"),
        Card("robustness/clean", "clean", "the metric of the unchanged images"),
        Card("robustness/n", "images", "used for this test", "count"),
    ),
    tables=(
        Table(
            "Loss by corruption",
            "robustness/corruptions",
            {
                "mean_relative_loss": ("mean", "share"),
                **{f"relative_loss/{number}": (f"at {s}", "share") for number, s in enumerate(STRENGTHS)},
            },
            "At strength 1 a person can still just recognize the scene.",
        ),
        Table(
            "Adversarial attacks",
            "robustness/attacks",
            {"value": ("metric", "score"), "relative_loss": ("lost", "share")},
            "Perturbations too small to see, computed from the model's own gradients.",
        ),
    ),
    charts=(
        Chart(
            "Loss by strength",
            "robustness/corruptions",
            "/robustness/strengths",
            "relative_loss",
            "strength",
            "relative loss of the metric",
        ),
    ),
    images={"robustness": "Corrupted images with predictions"},
    remarks=(
        "Metric: {robustness/figure|name}, on {robustness/n|count} images, corrupted at the size of the network's "
        "input.",
        "Attacks change a pixel by at most {robustness/eps_levels|count} of 255 gray levels.",
        "{robustness/attacks_left_out|text}",
    ),
)
CORRUPTED = Section(
    "Robustness",
    "corrupted",
    "The same examples, changed as they come in practice: relative loss of the metric. Negative: the change improved "
    "it.",
    cards=(
        Card("corrupted/mean_relative_loss", "lost", "mean over all changes", "share"),
        Card("corrupted/clean", "unchanged", "the metric of the unchanged examples"),
        Card("corrupted/n", "examples", "used for this test", "count"),
    ),
    tables=(
        Table(
            "Loss by change",
            "corrupted/conditions",
            {
                "relative_loss": ("lost", "share"),
                "value": ("metric", "score"),
                "clean": ("unchanged", "score"),
                "n": ("examples", "count"),
            },
        ),
    ),
    remarks=("Metric: {corrupted/figure|name}.",),
)
EXPLANATIONS = Section(
    "Explanations",
    "explanations/images",
    "Which parts of an image a prediction depends on: by gradients and, as a check, by covering one patch after "
    "another.",
    tables=(
        Table(
            "Explained predictions",
            "explanations/images",
            {
                "answer": ("prediction", "text"),
                "truth": ("truth", "text"),
                "value": ("confidence", "share"),
                "covered": ("covered", "share"),
                "agreement": ("agreement", "score"),
            },
            "Covered: confidence with the patch that lowers it most. Agreement: Spearman's correlation of both maps.",
        ),
    ),
    images={"explanations": "What the predictions depend on"},
    remarks=(
        "Sanity check (Adebayo et al. 2018), passed: {explanations/sanity/passed|text}. Correlation with the maps of "
        "random weights: {explanations/sanity/all} in all layers (below 0.5 passes), {explanations/sanity/head} in the "
        "head alone.",
        "{explanations/sanity/in_box|share} of the maps lie in the box of their prediction, "
        "{explanations/sanity/in_box_random|share} with random weights.",
        "Method: {explanations/method|text}, at {explanations/level|text}.",
    ),
)
WORDS = Section(
    "Explanations",
    "explanations/texts",
    "Which words an answer depends on. Blue words speak for it, orange ones against it; the stronger, the more.",
    tables=(
        Table(
            "Without the word",
            "explanations/texts",
            {
                "words": ("text", "weights"),
                "answer": ("answer", "text"),
                "truth": ("truth", "text"),
                "value": ("probability", "share"),
                "covered": ("without the strongest word", "share"),
                "agreement": ("agreement", "score"),
            },
            "Weights by leaving out one word after another. Agreement: Spearman's correlation with the weights below.",
        ),
        Table("By gradients", "explanations/texts", {"gradients": ("text", "weights")}),
    ),
    remarks=(
        "Sanity check (Adebayo et al. 2018), passed: {explanations/sanity/passed|text}. Correlation with the gradients "
        "of random weights: {explanations/sanity/all} in all layers (below 0.5 passes), {explanations/sanity/head} in "
        "the head alone.",
        "Method: {explanations/method|text}.",
    ),
)
EXPORTS = Section(
    "Exported files",
    "exports",
    "Files for other runtimes, each run in its own on held-out examples next to the trained model.",
    tables=(
        Table(
            "Comparison with the trained model",
            "exports",
            {
                "verdict": ("verdict", "text"),
                "precision": ("numbers", "text"),
                "metric": ("metric", "text"),
                "before": ("trained", "score"),
                "after": ("exported", "score"),
                "interval": ("difference, 95 %", "interval"),
                "megabytes": ("MB", "score"),
            },
        ),
    ),
)
FALSE_ACCEPTS = Section(
    "False accepts",
    "false_accepts",
    "What a detector that listens without pause raises in recordings without events, and what a threshold against "
    "that misses.",
    cards=(
        Card("false_accepts/threshold", "threshold", "on the score of the surest event, for the wanted rate"),
        Card("false_accepts/per_hour", "false accepts per hour", "at this threshold"),
        Card("false_accepts/miss_rate", "missed", "share of the events that do not reach it", "share"),
        Card("false_accepts/hours", "hours", "of recordings without events"),
    ),
    tables=(
        Table(
            "Threshold by wanted false accepts per hour",
            "false_accepts/rates",
            {
                "threshold": ("threshold", "score"),
                "per_hour": ("found", "score"),
                "miss_rate": ("missed", "share"),
            },
        ),
        Table("Missed by event", "false_accepts/false_rejects", {"": ("missed", "bar")}),
    ),
    remarks=(
        "{false_accepts/source|text}: too few hours to tell rates below {false_accepts/smallest_rate} an hour from 0.",
    ),
)
SECTIONS = (
    *(NEW_SOURCES, LINEAGE, FUSION, *GROUPS, RULES, SENSOR_RULES, ROBUSTNESS),
    *(*ATTACKS, FALSE_ACCEPTS, CORRUPTED),
    *(INTERVENTIONS, EXPLANATIONS, WORDS, EXPORTS),
)


def baselines_table(metric: str, label: str) -> Table:
    """Return the table of simple methods on the same examples, by the first primary metric of the task."""
    return Table(
        "Baselines",
        "baselines",
        {
            metric: (label, "bar"),
            "low": ("from", "score"),
            "high": ("to", "score"),
            "lead": ("this model leads by", "signed"),
            "lead_interval": ("95 % interval", "interval"),
        },
        "Simple methods, trained and evaluated on the same examples. "
        "Where the model does not lead, use one of them.",
    )


def confusion_table(predicted: Iterable[str], note: str) -> Table:
    """Return a confusion matrix with a column for each predicted class."""
    return Table("Confusion matrix", "confusion", {pointer(name): (name, "heat") for name in predicted}, note)


def precision_recall_chart(note: str = "") -> Chart:
    """Return the precision-recall curves of all classes."""
    axes = ("recall", "precision", "recall", "precision")
    return Chart("Precision-recall curve", "curves/precision_recall", *axes, note, unit_square=True)


def repeats_layout(primary_metrics: Sequence[str], lower: Sequence[str] = ()) -> Layout:
    """Return the layout of several repeats of one training: means as cards, one row per repeat.

    Args:
        primary_metrics: the most important first.
        lower: those that are better when lower.
    """
    names = {name: metric_label(name) for name in primary_metrics}
    columns: Columns = {
        "seed": ("seed", "count"),
        **{name: (label, "score") for name, label in names.items()},
    }
    interval = Table(
        "95 % interval of the mean",
        "interval",
        {"0": ("from", "score"), "1": ("to", "score")},
        "By Student's t over the repeats; all repeats hold out the same images.",
    )
    return Layout(
        [Card(name, label, "mean over the repeats") for name, label in names.items()],
        dict.fromkeys(primary_metrics, "mean over the repeats"),
        lower=lower,
        tables=(interval, Table("Repeats", "repeats", columns)),
    )
