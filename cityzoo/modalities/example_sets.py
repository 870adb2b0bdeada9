"""How a modality takes sets of examples apart and puts them together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any


class ExampleSets:
    """The part of a modality that selects, joins and names the examples of a set."""

    def identify(self, examples: Any) -> list[Any]:
        """Return what predictions depend on: plain values that change when an example changes."""
        return [example.path for example in examples.examples]

    def select(self, examples: Any, rows: Sequence[int]) -> Any:
        """Return some examples of a set, in the order of `rows`."""
        return replace(examples, examples=tuple(examples.examples[row] for row in rows))

    def join(self, sets: Sequence[Any]) -> Any:
        """Return the examples of several sets, which have the same class names, in one.

        Raises:
            InputError: sets that do not fit together.
        """
        return replace(sets[0], examples=tuple(each for one in sets for each in one.examples))

    def reorder_labels(self, examples: Any, class_names: Sequence[str]) -> Any:
        """Return the examples with labels that point into other class names, or another order of them.

        Raises:
            InputError: a label that is not among them.
        """
        return examples

    def groups(self, examples: Any) -> list[str]:
        """Return a group for each example; examples of one group are resampled together. "" is a group of its own."""
        return [""] * len(examples)
