"""Section of a report about groups: training for the worst one, next to the same training without."""

from __future__ import annotations

from cityzoo.report.layout import Card, Section, Table

ROBUST_GROUPS = Section(
    "Groups",
    "robust_groups",
    "Accuracy by group: before training, by the same training without groups, and by this model, which was trained for "
    "its worst group (group DRO). Groups with fewer than 5 held-out examples do not count as the worst.",
    cards=(
        Card("robust_groups/models/this model/worst", "worst group", "accuracy where it is lowest", "share"),
        Card(
            "robust_groups/changes/worst group/change",
            "gained there",
            "over training without groups",
            "signed",
        ),
        Card(
            "robust_groups/changes/all examples/change",
            "all examples",
            "what that costs, if below 0",
            "signed",
        ),
    ),
    tables=(
        Table(
            "By group",
            "robust_groups/groups",
            {
                "train": ("train", "count"),
                "weight": ("weight", "score"),
                "n": ("held out", "count"),
                "before": ("before", "score"),
                "without": ("without", "score"),
                "this": ("this model", "bar"),
                "interval": ("95 % interval", "interval"),
                "gain": ("gained", "signed"),
                "gain_interval": ("95 %, paired", "interval"),
            },
            "Weight: of all examples of the group together; the weights of all groups sum to 1.",
        ),
        Table(
            "Worst group and gap",
            "robust_groups/models",
            {
                "accuracy": ("all examples", "score"),
                "worst_group": ("worst group", "text"),
                "worst": ("its accuracy", "score"),
                "worst_interval": ("95 % interval", "interval"),
                "gap": ("gap to all", "score"),
                "gap_interval": ("95 % interval", "interval"),
            },
        ),
        Table(
            "Changes by training with groups",
            "robust_groups/changes",
            {"change": ("change", "signed"), "change_interval": ("95 %, paired", "interval")},
        ),
    ),
    remarks=(
        "Groups: classes by {robust_groups/by|text}. Held-out examples of groups without training examples: "
        "{robust_groups/outside|count}.",
    ),
)
