"""What a page shows of several draws of the same training."""

from __future__ import annotations

from collections.abc import Sequence

from cityzoo.report.layout import Card, Layout, Table


def draws_layout(headline: Sequence[str], lower: Sequence[str] = ()) -> Layout:
    """Return the layout: means as cards, a row for each draw.

    Args:
        headline: figures, the most telling first.
        lower: those that are better when lower.

    Example:
        >>> draws_layout(("AP",)).cards[0].key
        'AP'
    """
    shown = {name: (name.replace("_", " "), "score") for name in headline}
    return Layout(
        [Card(name, name.replace("_", " "), "mean over the draws") for name in headline],
        dict.fromkeys(headline, "mean over the draws"),
        lower=lower,
        tables=(
            Table(
                "How sure the mean is",
                "interval",
                {0: ("from", "score"), 1: ("to", "score")},
                "95 % interval by Student's t over the draws; the same images were held out each time.",
            ),
            Table("Draw by draw", "draws", {"seed": ("seed", "count"), **shown}),
        ),
    )
