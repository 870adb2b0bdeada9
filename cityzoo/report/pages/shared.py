"""Parts of the page that any kind of task may have: robustness and explanations."""

from __future__ import annotations

from cityzoo.report.layout import Card, Chart, Section, Table

STRENGTHS = ("0.2", "0.4", "0.6", "0.8", "1")  # of `corruptions.STRENGTHS`, as a heading says them

ROBUSTNESS = Section(
    "Robustness",
    "robustness",
    "The same images in bad weather, bad light and through a bad camera: the share of the clean figure that is lost. "
    "Below 0 a corruption helped.",
    cards=(
        Card("robustness/mean_corruption_loss", "lost", "mean over corruptions and strengths", "share"),
        Card("robustness/clean", "clean", "the figure of the same images as they are"),
        Card("robustness/n", "images", "were taken", "count"),
    ),
    tables=(
        Table(
            "Loss by corruption",
            "robustness/corruptions",
            {
                "mean_relative_loss": ("mean", "share"),
                **{f"relative_loss/{number}": (f"at {s}", "share") for number, s in enumerate(STRENGTHS)},
            },
            "Strength 1 is the worst in which a person still recognises the scene.",
        ),
        Table(
            "Attacks",
            "robustness/attacks",
            {"value": ("figure", "score"), "relative_loss": ("lost", "share")},
            "Changes of pixels that a person does not see, chosen against the model by its own gradients.",
        ),
    ),
    charts=(
        Chart(
            "Loss by strength",
            "robustness/corruptions",
            "/robustness/strengths",
            "relative_loss",
            "strength",
            "share of the figure lost",
        ),
    ),
    images={"robustness": "What it was shown"},
    remarks=(
        "Judged by {robustness/figure|name} on {robustness/n|count} images, changed at the size of the network's "
        "input.",
        "An attack changes a pixel by {robustness/eps_levels|count} of 255 grey levels at most.",
        "{robustness/attacks_left_out|text}",
    ),
)
EXPLANATIONS = Section(
    "Explanations",
    "explanations/images",
    "What in an image its answers come from: by gradients, and, as a check, by covering one place after the other.",
    tables=(
        Table(
            "Answer by answer",
            "explanations/images",
            {
                "answer": ("answer", "text"),
                "truth": ("truth", "text"),
                "value": ("sure", "share"),
                "covered": ("covered", "share"),
                "agreement": ("agree", "score"),
            },
            "Covered: how sure it stays where a patch hurts most. Agree: Spearman's correlation of both maps.",
        ),
    ),
    images={"explanations": "What its answers come from"},
    remarks=(
        "Sanity test (Adebayo et al. 2018), passed: {explanations/sanity/passed|text}. Correlation of the maps with "
        "those of random weights: {explanations/sanity/all} in all layers (below 0.5 passes), "
        "{explanations/sanity/head} in the head alone.",
        "Of the maps {explanations/sanity/in_box|share} lie in the box of their answer, with random weights "
        "{explanations/sanity/in_box_random|share}.",
        "Method: {explanations/method|text}, at {explanations/level|text}.",
    ),
)
SECTIONS = (ROBUSTNESS, EXPLANATIONS)
