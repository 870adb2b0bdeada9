"""Contents of the page of a pretraining."""

from __future__ import annotations

from cityzoo.report.layout import Card, Columns, Layout, Section, Table

MEANINGS = {
    "pair_accuracy": "share of held-out examples whose other view is the nearest of all; chance is one in their number",
    "spread": "of the projections: 0 where all are equal (collapse), 1 where they are spread over the whole sphere",
    "masked_error": "mean absolute error of what was hidden, in shares of the color range, or in standard deviations",
    "masked_accuracy": "share of hidden tokens of held-out texts that are named",
    "masked_accuracy_before": "the same before training",
    "masked_loss": "mean cross-entropy of hidden tokens of held-out texts, in nats",
    "masked_loss_before": "the same before training",
    "accuracy_of_frequency": "share of them that are the most frequent token of the training texts",
    "loss_of_frequency": "mean cross-entropy of the frequencies of tokens in the training texts",
    "error_of_mean": "the same error if the mean of what is seen fills the gaps",
}
LOWER = ("masked_error", "error_of_mean", "masked_loss", "masked_loss_before", "loss_of_frequency")


def _table(title: str, key: str) -> Table:
    columns: Columns = {
        key: ("", "score"),
        f"{key}_interval": ("95 % interval", "interval"),
        f"{key}_lead": ("pretrained leads by", "signed"),
        f"{key}_lead_interval": ("95 % interval", "interval"),
    }
    return Table(title, "probe/rows", columns)


def layout() -> Layout:
    """Return the contents of the page of a report of pretraining."""
    probe = Section(
        "What it is worth",
        "probe",
        "Logistic regression with a fixed penalty on frozen features of labeled examples. All labels: bootstrap of the "
        "held-out examples; few labels: mean over random choices of them, Student's t.",
        tables=(_table("All labels", "linear"), _table("Few labels", "few")),
        remarks=(
            "{probe/metric|name} on {probe/n_val|count} held-out examples; all labels are {probe/n_train|count}, few "
            "are {probe/shots|count} of each class.",
        ),
    )
    text = "{n_distant|count} of {n_train|count} images have no neighbouring frame: their pairs are views of one image."
    pairs = Section("Pairs", "n_distant", remarks=(text,))
    return Layout(
        cards=tuple(Card(f"probe/rows/pretrained/{key}", title, note) for key, title, note in CARDS)
        + tuple(Card(name, name.replace("_", " "), "on held-out examples") for name in MEANINGS),
        meanings=MEANINGS,
        lower=LOWER,
        remark="{method|text} on {n_train|count} {examples|text}. Weights: {weights_file|text}.",
        sections=(probe, pairs),
        images={"views": "Views as the network gets them: an example in each row"},
        curves={"loss": "training loss", **{f"val_{name}": name.replace("_", " ") for name in MEANINGS}},
    )


CARDS = (
    ("linear", "linear probe", "a linear head on frozen features, all labels"),
    ("few", "few labels", "the same with few labels of each class"),
)
