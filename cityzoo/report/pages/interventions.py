"""Section of the page about interventions: what answers depend on."""

from __future__ import annotations

from cityzoo.report.layout import Card, Section, Table

INTERVENTIONS = Section(
    "Interventions",
    "interventions",
    "Images are changed, and the scores of their labels compared with those after a change of equal size that should "
    "not matter, at a random place. Reliance: what the score loses beyond that.",
    cards=(
        Card("interventions/n", "images", "used for this test", "count"),
        Card("interventions/score", "score", "of the labels of unchanged images"),
        Card("interventions/tested", "places", "of the image tested, for each class", "count"),
    ),
    tables=(
        Table(
            "Objects and backgrounds",
            "interventions/changes",
            {
                "reliance": ("reliance", "signed"),
                "low": ("from", "signed"),
                "high": ("to", "signed"),
                "before": ("score before", "score"),
                "after": ("after", "score"),
                "control": ("lost in the control", "signed"),
                "n": ("images", "count"),
                "flagged": ("flagged", "text"),
            },
            "Answers may depend on objects, not on backgrounds. From, to: 95 % interval.",
        ),
        Table(
            "Places of the image",
            "interventions/places",
            {
                "place": ("place", "text"),
                "class": ("class", "text"),
                "reliance": ("reliance", "signed"),
                "low": ("at least", "signed"),
                "n": ("images", "count"),
                "flagged": ("flagged", "text"),
            },
            "Patches at the border, and pixels that hardly change within a class: masked, or taken from images of the "
            "class. At least: a bound that holds for all places together, with 95 %.",
        ),
    ),
    images={"interventions": "Before and after, with the score of the label"},
    remarks=("Not tested: {interventions/left_out|text}.",),
)
