"""Sections of a report about groups: training for the worst one, or for answers that do not depend on them."""

from __future__ import annotations

from cityzoo.report.layout import Card, Columns, Section, Table


def _groups_section(key: str, note: str, weight: Columns, dependence: Columns) -> Section:
    changes = f"{key}/changes"
    worst = Card(f"{key}/models/this model/worst", "worst group", "accuracy where it is lowest", "share")
    gained = Card(f"{changes}/worst group/change", "gained there", "over training without groups", "signed")
    cost = Card(f"{changes}/all examples/change", "all examples", "what that costs, if below 0", "signed")
    by = f"Groups: classes by {{{key}/by|text}}."
    outside = f"Held-out examples of groups without training examples: {{{key}/outside|count}}."
    tables = (_group_table(key, weight), *_model_tables(key, dependence))
    return Section("Groups", key, note, (worst, gained, cost), tables, remarks=(f"{by} {outside}",))


def _group_table(key: str, weight: Columns) -> Table:
    return Table(
        "By group",
        f"{key}/groups",
        {
            "train": ("train", "count"),
            **weight,
            "n": ("held out", "count"),
            "before": ("before", "score"),
            "without": ("without", "score"),
            "this": ("this model", "bar"),
            "interval": ("95 % interval", "interval"),
            "gain": ("gained", "signed"),
            "gain_interval": ("95 %, paired", "interval"),
        },
        "Weight: of all examples of the group together; the weights of all groups sum to 1."
        if weight
        else "",
    )


def _model_tables(key: str, dependence: Columns) -> tuple[Table, Table]:
    models = Table(
        "Worst group and gap",
        f"{key}/models",
        {
            "accuracy": ("all examples", "score"),
            "worst_group": ("worst group", "text"),
            "worst": ("its accuracy", "score"),
            "worst_interval": ("95 % interval", "interval"),
            "gap": ("gap to all", "score"),
            "gap_interval": ("95 % interval", "interval"),
            **dependence,
        },
    )
    columns: Columns = {"change": ("change", "signed"), "change_interval": ("95 %, paired", "interval")}
    return models, Table("Changes by this training", f"{key}/changes", columns)


ROBUST_GROUPS = _groups_section(
    "robust_groups",
    "Accuracy by group: before training, by the same training without groups, and by this model, which was trained for "
    "its worst group (group DRO). Groups with fewer than 5 held-out examples do not count as the worst.",
    {"weight": ("weight", "score")},
    {},
)
INDEPENDENCE = _groups_section(
    "independent_of",
    "Accuracy by group: before training, by the same training without the penalty, and by this model, whose answers "
    "depend less on what groups of a class differ in. Dependence: 0 to 1 (HSIC, normalized), of held-out examples. "
    "Groups with fewer than 5 held-out examples do not count as the worst.",
    {},
    {"dependence": ("dependence", "score")},
)
GROUPS = (ROBUST_GROUPS, INDEPENDENCE)
