"""Section of the page about a run that was fused of others."""

from __future__ import annotations

from cityzoo.report.layout import Card, Section, Table

FUSION = Section(
    "Fusion",
    "fusion",
    "The fused model next to the runs that it was made of, on the same examples.",
    cards=(
        Card("fusion/best/difference", "gained", "over the best member", "signed"),
        Card("fusion/best/slowdown", "times slower", "than the best member"),
        Card("fusion/milliseconds", "ms an example", "in Keras, on this machine", "count"),
    ),
    tables=(
        Table(
            "Against each run",
            "fusion/runs",
            {
                "role": ("role", "text"),
                "backbone": ("backbone", "text"),
                "weight": ("weight", "score"),
                "ema": ("EMA", "score"),
                "value": ("metric", "score"),
                "difference": ("gained", "signed"),
                "interval": ("95 %", "interval"),
                "verdict": ("verdict", "text"),
                "milliseconds": ("ms", "count"),
                "slowdown": ("times slower", "score"),
            },
        ),
        Table("Ingredients of the soup", "fusion/ingredients", {"": ("share", "score")}),
        Table(
            "Cross-fitted",
            "fusion/cross_fitted/runs",
            {
                "other": ("metric", "score"),
                "difference": ("gained", "signed"),
                "verdict": ("verdict", "text"),
            },
            "On all held-out examples: each half by the regression of the other half.",
        ),
    ),
    remarks=("Method: {fusion/by|text}, metric: {fusion/metric|name}.", "{fusion/note|text}"),
)
