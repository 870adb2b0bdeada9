"""Write examples with predicted labels, so that a person corrects them and training reads them again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from cityzoo.errors import InputError


class AnnotationExport:
    """Copies of examples next to their predicted labels."""

    unit: ClassVar[str]  # what examples are called, plural

    def label_layouts(self, output: Any) -> tuple[str, ...]:
        """Return the layouts in which examples of an output can be written, the default first."""
        return tuple(output.label_layouts)

    def export_annotations(
        self, folder: Path, output: Any, examples: Any, labels: Sequence[Any], layout: str
    ) -> None:
        """Copy examples into a folder, with labels that a person corrects.

        Args:
            folder: exists.
            output: of the task.
            examples: N of them.
            labels: of each, as `Output.prelabel` returns them.
            layout: one of `label_layouts`.

        Raises:
            InputError: the modality cannot write labels.
        """
        raise InputError(f"{self.unit} cannot be written with labels: use a task of images, texts or sounds")


def copy_name(name: str) -> str:
    """Return the name of an example's copy: folders are kept in it, so that equal names of two cameras differ.

    Example:
        >>> copy_name("north/7.jpg"), copy_name("/data/south/8.jpg")
        ('north__7.jpg', 'data__south__8.jpg')
    """
    return "__".join(part for part in Path(name).parts if part not in ("/", "..", "."))
