"""Section of a report about a run that continues an earlier one: what was learned and what was forgotten."""

from __future__ import annotations

from cityzoo.report.layout import Card, Chart, Section, Table

LINEAGE = Section(
    "Learned and forgotten",
    "lineage",
    "This model and the one that it continues, on the held-out examples of every run of the lineage. A row with an "
    "interval below 0 was forgotten, beyond what chance explains.",
    cards=(
        Card("lineage/summary/final_mean", "final mean", "over the data of all runs"),
        Card(
            "lineage/summary/forgetting", "forgetting", "below the best that an earlier model had", "signed"
        ),
        Card(
            "lineage/summary/backward_transfer", "backward transfer", "since each run's own model", "signed"
        ),
        Card(
            "lineage/summary/forward_transfer",
            "forward transfer",
            "before a run's data was trained on",
            "signed",
        ),
        Card("lineage/worst_dip/depth", "worst dip", "of earlier runs' validation examples, during training"),
    ),
    tables=(
        Table(
            "By the data of each run",
            "lineage/rows",
            {
                "before": ("before", "score"),
                "this": ("this model", "score"),
                "this_interval": ("95 % interval", "interval"),
                "difference": ("gained", "signed"),
                "interval": ("95 %, paired", "interval"),
                "new_classes": ("named as a new class", "share"),
            },
        ),
        Table(
            "Between two bounds",
            "lineage/bounds",
            {"final_mean": ("final mean", "score"), "forgetting": ("forgetting", "signed")},
            "naive: the same without protection; joint: all data again, from the weights of the first run's start.",
        ),
        Table(
            "More than it may lose",
            "lineage/lost",
            {
                "run": ("data of", "text"),
                "metric": ("metric", "name"),
                "loss": ("lost", "score"),
                "limit": ("allowed", "score"),
            },
            "This model should not replace the one before.",
        ),
        Table(
            "Replay memory",
            "lineage/memory",
            {
                "run": ("run", "text"),
                "train": ("to train on", "count"),
                "val": ("to validate on", "count"),
                "trained": ("trained on", "text"),
                "expires": ("expires", "text"),
            },
            "Examples of earlier runs that are kept; python -m cityzoo forget removes them.",
        ),
    ),
    charts=(
        Chart(
            "The data of each run, model by model",
            "lineage/curves",
            "x",
            "y",
            "run of the lineage",
            "metric",
            "A line that falls is forgotten; one that rises before its own run was learned from other data.",
        ),
    ),
    remarks=("Metric: {lineage/metric|name}. Classes that are new: {lineage/added|text}.",),
)
