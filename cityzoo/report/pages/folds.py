"""Section of a report about new sources, as grouped cross-validation estimates them."""

from __future__ import annotations

from cityzoo.report.layout import Section, Table

NEW_SOURCES = Section(
    "New sources",
    "new_sources/estimate",
    "What to expect of cameras, places and days that the data does not show: models trained on some groups of the "
    "training data, evaluated on the others. This, and not the metric of val, is what a new source will give.",
    tables=(
        Table(
            "Estimate for new sources",
            "new_sources/table",
            {
                "new_sources": ("new sources", "score"),
                "interval": ("95 % interval", "interval"),
                "val": ("val", "score"),
                "gap": ("val promises more by", "signed"),
            },
            "Mean over the folds, with an interval by Student's t. Each fold trains on less than the model itself, so "
            "that the estimate is rather too low than too high.",
        ),
    ),
    remarks=(
        "{new_sources/groups|count} groups ({new_sources/group_by|text}), listed in groups.csv.",
        "Distance to the nearest training example in the backbone's features, median: {new_sources/distance/val} for "
        "val, {new_sources/distance/folds} between folds.",
    ),
)
