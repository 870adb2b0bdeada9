"""What training and evaluation expect of data sets, whatever the modality."""

from __future__ import annotations

from typing import Any, Protocol


class Findings(Protocol):
    """What the check of a data set found."""

    def as_dict(self) -> dict[str, Any]:
        """Return the findings as a report stores them."""


class Dataset(Protocol):
    """Checked data: examples to train on, to choose the best epoch by, and to evaluate on."""

    train: Any
    val: Any
    findings: Any

    @property
    def held_out(self) -> Any:
        """Return the examples that metrics are reported for: the test split, or val where there is none."""


class Views(Protocol):
    """Examples of one split as they come to the network."""

    examples: Any

    def __len__(self) -> int:
        """Return the number of examples."""
