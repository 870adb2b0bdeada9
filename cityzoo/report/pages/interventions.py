"""Sections of the page about interventions, what answers depend on, and about rules, what cannot be."""

from __future__ import annotations

from cityzoo.report.layout import Card, Section, Table


def _compare_filtered(title: str, key: str) -> Table:
    return Table(
        title,
        key,
        {
            "this": ("filtered", "score"),
            "other": ("all", "score"),
            "difference": ("difference", "signed"),
            "low": ("from", "signed"),
            "high": ("to", "signed"),
            "verdict": ("verdict", "text"),
        },
        "Paired bootstrap, 95 % interval.",
    )


INTERVENTIONS = Section(
    "Interventions",
    "interventions",
    "Examples are changed, and the scores of their labels compared with those after a control change of equal size, "
    "at a random place. Reliance: what the score loses beyond that.",
    cards=(
        Card("interventions/n", "examples", "used for this test", "count"),
        Card("interventions/score", "score", "of the labels of unchanged examples"),
        Card("interventions/tested", "places", "of the image tested, for each class", "count"),
    ),
    tables=(
        Table(
            "Changes",
            "interventions/changes",
            {
                "reliance": ("reliance", "signed"),
                "low": ("from", "signed"),
                "high": ("to", "signed"),
                "before": ("score before", "score"),
                "after": ("after", "score"),
                "fall": ("lost", "signed"),
                "control": ("lost in the control", "signed"),
                "n": ("examples", "count"),
                "flagged": ("flagged", "text"),
            },
            "Answers may depend on objects and neighbors, not on backgrounds, names and other sensors. From, to: 95 % "
            "interval.",
        ),
        Table(
            "Places of the image",
            "interventions/places",
            {
                "place": ("place", "text"),
                "class": ("class", "text"),
                "reliance": ("reliance", "signed"),
                "low": ("at least", "signed"),
                "n": ("examples", "count"),
                "flagged": ("flagged", "text"),
            },
            "Patches at the border, and pixels that hardly change within a class: masked, or taken from images of the "
            "class. At least: a bound that holds for all places together, with 95 %.",
        ),
    ),
    images={"interventions": "Before and after, with the score of the label"},
    remarks=("Not tested: {interventions/left_out|text}.",),
)
RULES = Section(
    "Rules",
    "rules",
    "Detections that cannot be: where no object of the class stands on this camera, or of a height that it cannot have "
    "there.",
    cards=(
        Card("rules/detections", "detections", "of the score of the best F1 or more", "count"),
        Card("rules/score", "score", "of the best F1"),
        Card("rules/labels", "labels", "that break a rule: check them, or the rules", "count"),
        Card("rules/boxes", "labeled boxes", "all of them", "count"),
        Card("rules/without_rules", "images", "of scenes without rules", "count"),
    ),
    tables=(
        Table(
            "Violations by class",
            "rules/violations",
            {
                "place": ("place", "count"),
                "height": ("height", "count"),
                "right": ("of these right", "count"),
            },
            "Right: they match a labeled box, so that the rule is wrong.",
        ),
        _compare_filtered("Without these detections", "rules/filtered"),
    ),
    images={"rules": "Violations, and the outlines of the places"},
)
SENSOR_RULES = Section(
    "Rules",
    "sensor_rules",
    "Values that cannot be: out of the bounds of a sensor, steps against the direction of a monotone one, or sums that "
    "flow in and out of a place and differ by more than the tolerance.",
    tables=(
        Table(
            "Violations",
            "sensor_rules/violations",
            {
                "measured": ("measured", "count"),
                "of_measured": ("of", "count"),
                "forecast": ("forecast", "count"),
                "of_forecast": ("of", "count"),
            },
            "Where measurements break a rule, a sensor is wrong, or the rule.",
        ),
        _compare_filtered("Forecasts within the bounds and directions", "sensor_rules/filtered"),
    ),
)
