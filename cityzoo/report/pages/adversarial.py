"""Sections of a report about classifiers under attack."""

from __future__ import annotations

from cityzoo.report.layout import Card, Chart, Section, Table

ADVERSARIAL = Section(
    "Accuracy under attack",
    "adversarial",
    "Each pixel may change by a few gray levels, in the direction that raises the model's loss (PGD). What one level "
    "has turned stays wrong at the next.",
    cards=(
        Card("adversarial/levels/0/accuracy", "clean", "accuracy without attack", "share"),
        Card("adversarial/levels/4/accuracy", "at 4 of 255", "changes that nobody sees", "share"),
        Card("adversarial/n", "images", "used for this test", "count"),
    ),
    tables=(
        Table(
            "Accuracy by gray levels",
            "adversarial/levels",
            {"accuracy": ("accuracy", "bar"), "interval": ("95 % interval", "interval")},
            "Of 255, that a pixel may change.",
        ),
        Table(
            "Compared with",
            "adversarial/compared",
            {
                "model": ("model", "text"),
                "eps": ("gray levels", "count"),
                "accuracy": ("its accuracy", "score"),
                "change": ("this model", "signed"),
                "change_interval": ("95 %, paired", "interval"),
            },
        ),
    ),
    charts=(
        Chart(
            "Accuracy by gray levels",
            "adversarial/curves",
            "eps",
            "accuracy",
            "gray levels of 255 that a pixel may change",
            "accuracy",
        ),
    ),
    images={"adversarial": "Images, and attacked ones that turn the answer"},
    remarks=(
        "PGD of {adversarial/steps|count} steps from a random start finds weak points of this model; others may find "
        "more.",
        "Trained with --adversarial {adversarial/training|text}.",
    ),
)
PATCH_SEARCH = Section(
    "Patch",
    "patch_search",
    "A patch that turns answers wherever it lies, as a sticker would: searched on one half of the images, measured on "
    "the others, next to patches of equal size at the same places.",
    cards=(
        Card("patch_search/beyond_noise", "lost to the patch", "accuracy, beyond a patch of noise", "signed"),
        Card("patch_search/share", "of the image", "covered by the patch", "share"),
        Card("patch_search/n", "images", "measured, in four places each", "count"),
    ),
    tables=(
        Table(
            "Accuracy with a patch",
            "patch_search/patches",
            {
                "accuracy": ("accuracy", "bar"),
                "interval": ("95 % interval", "interval"),
                "fall": ("lost", "signed"),
                "fall_interval": ("95 %, paired", "interval"),
            },
        ),
    ),
    images={"patch_search": "The patch, and images whose answer it turns"},
    remarks=(
        "Without a patch accuracy is {patch_search/accuracy}. With it {patch_search/answers/share|share} of the "
        "answers are {patch_search/answers/class|text}.",
    ),
)
ATTACKS = (ADVERSARIAL, PATCH_SEARCH)
