"""Write texts with predicted labels: CSV for classes, CoNLL for tags of words."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cityzoo.data.text.tags import split_words
from cityzoo.modalities.annotation_export import AnnotationExport

if TYPE_CHECKING:
    from cityzoo.data.text import TextSet

SEPARATOR = ";"  # of several labels in one field, as `--label-separator` has it by default


class TextExport(AnnotationExport):
    """The part of the modality that writes texts."""

    def label_layouts(self, output: Any) -> tuple[str, ...]:
        return tuple(name for name in output.label_layouts if name in ("csv", "conll"))

    def export_annotations(
        self, folder: Path, output: Any, examples: TextSet, labels: Sequence[Any], layout: str
    ) -> None:
        pairs = list(zip(examples.examples, labels, strict=True))
        if layout == "conll":
            texts = (zip(each.words or split_words(each.text), tags, strict=True) for each, tags in pairs)
            sentences = ("\n".join(f"{word}\t{tag}" for word, tag in text) for text in texts)
            (folder / "texts.conll").write_text("\n\n".join(sentences) + "\n", encoding="utf-8")
            return
        with (folder / "texts.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["text", "label"])
            writer.writerows([each.text, SEPARATOR.join(names)] for each, names in pairs)
