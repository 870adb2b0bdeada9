"""Read texts: to train on, to evaluate on; values of `auto`; slices."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np

from cityzoo.data.text import TextDataset, TextExample, TextFindings, TextSet
from cityzoo.data.text.check import clean
from cityzoo.data.text.formats import Columns, lines
from cityzoo.data.text.language import guess_language, script_of
from cityzoo.errors import InputError
from cityzoo.modalities import Masks
from cityzoo.modalities.labeled_examples import masks_by_value
from cityzoo.modalities.text.cloze import check_prompt
from cityzoo.modalities.text.flags import ResolvedTextFlags, TextFlags
from cityzoo.spec import AUTO
from zoo.text import registry
from zoo.text.tokenizer import STEP, Tokenizer

if TYPE_CHECKING:
    from cityzoo.spec import TrainSpec

LOG = logging.getLogger(__name__)
MOST_TOKENS, KEPT_WHOLE = 256, 0.995
SHORT, LONG = 5, 20  # words


def read_unlabelled(source: str) -> TextSet:
    """Return texts without labels: the lines of a .txt file, or the texts of any other format.

    Raises:
        InputError: nothing there, or no text that is not empty.
    """
    findings = TextFindings(source, "")
    raw = (clean(each, findings) for each in lines.read_unlabelled(source, None, Columns(), findings))
    kept = [each for each in raw if each]
    if not kept:
        raise InputError(
            f"'{source}' holds empty texts only: give one text per line, or a table with a column 'text'"
        )
    LOG.info("%s", findings.text())
    return TextSet(
        "predict", (), tuple(TextExample(each.text, each.place, words=each.words) for each in kept)
    )


def resolve_flags(spec: TrainSpec[TextFlags], data: TextDataset) -> ResolvedTextFlags:
    """Return the flags with every "auto" replaced by what fits the data.

    Raises:
        InputError: a tokenizer that cannot be had.
    """
    flags = spec.modality
    if spec.run.backbone == registry.TFIDF:
        if flags.prompt:
            raise InputError(
                "--prompt needs an encoder, tfidf has none: remove it, or give --backbone a folder"
            )
        tokens = 1 if flags.max_tokens == AUTO else flags.max_tokens
        return ResolvedTextFlags(**{**vars(flags), "max_tokens": tokens})
    try:
        most = min(MOST_TOKENS, registry.most_tokens(spec.run.backbone))
        folder = registry.find_folder(spec.run.backbone)
        tokenizer = Tokenizer.from_folder(folder, most)
    except ValueError as error:
        raise InputError(str(error)) from error
    if flags.prompt:
        check_prompt(flags.prompt, folder)
    lengths = tokenizer.lengths([each.text for each in data.train.examples])
    enough = int(np.quantile(lengths, KEPT_WHOLE))
    tokens = min(-(-enough // STEP) * STEP, most) if flags.max_tokens == AUTO else flags.max_tokens
    cut = np.flatnonzero(lengths > tokens).tolist()
    for row in cut:
        data.findings.add("truncated", data.train.examples[row].path)
    LOG.info("--max-tokens: %d, which cuts %d of %d training texts", tokens, len(cut), len(lengths))
    return ResolvedTextFlags(**{**vars(flags), "max_tokens": tokens})


def slices(texts: TextSet) -> Masks:
    """Return subsets by length, language, script and group."""
    words = np.array([len(each.text.split()) for each in texts.examples])
    languages = [guess_language(each.text) for each in texts.examples]
    scripts = [script_of(each.text) for each in texts.examples]
    groups = [each.group for each in texts.examples]
    masks: Masks = {
        "length": {
            f"up to {SHORT} words": words <= SHORT,
            f"{SHORT + 1} to {LONG} words": (words > SHORT) & (words <= LONG),
            f"over {LONG} words": words > LONG,
        }
    }
    masks |= masks_by_value({"language": languages, "script": scripts, "group": groups})
    return {name: {key: mask for key, mask in each.items() if mask.any()} for name, each in masks.items()}
