"""Page of several repeats of the same training."""

from __future__ import annotations

from collections.abc import Sequence

from cityzoo.report.layout import Card, Columns, Layout, Table


def repeats_layout(primary_metrics: Sequence[str], lower: Sequence[str] = ()) -> Layout:
    """Return the layout: means as cards, one row per repeat.

    Args:
        primary_metrics: the most important first.
        lower: those that are better when lower.

    Example:
        >>> repeats_layout(("AP",)).cards[0].key
        'AP'
    """
    columns: Columns = {name: (name.replace("_", " "), "score") for name in primary_metrics}
    return Layout(
        [Card(name, name.replace("_", " "), "mean over the repeats") for name in primary_metrics],
        dict.fromkeys(primary_metrics, "mean over the repeats"),
        lower=lower,
        tables=(
            Table(
                "95 % interval of the mean",
                "interval",
                {"0": ("from", "score"), "1": ("to", "score")},
                "By Student's t over the repeats; all repeats hold out the same images.",
            ),
            Table("Repeats", "draws", {"seed": ("seed", "count"), **columns}),
        ),
    )
