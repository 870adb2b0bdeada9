"""Words among tokens: where each begins, targets of the loss, runs that were stopped."""

import json
from types import SimpleNamespace

import numpy as np

from cityzoo.data.text import TextExample, TextSet
from cityzoo.modalities.text.build import tokenizer_of
from cityzoo.modalities.text.views import TextViews
from cityzoo.modalities.text.words import place_words
from cityzoo.outputs.tagging import Tagging
from tests.tiny_encoder import write_encoder
from zoo.text.tokenizer import Tokenizer


def test_targets_lie_at_first_pieces(tmp_path):
    write_encoder(tmp_path / "encoder")
    tokenizer = Tokenizer.from_folder(tmp_path / "encoder", 8)
    output = Tagging(("place", "road"))
    words = (("jam", "on", "zzz", "bridge"), ("the",) * 9)
    tags = (("O", "O", "B-road", "B-place"), ("O",) * 8 + ("B-road",))
    examples = tuple(TextExample(" ".join(w), "a", words=w, tags=t) for w, t in zip(words, tags, strict=True))
    placed = place_words(TextSet("val", output.class_names, examples), output, tokenizer)
    # "zzz" is three pieces, of which the first carries the tag; two of eight tokens start and end a text
    assert placed.examples[0].starts == (1, 2, 3, 6) and placed.examples[1].starts == (
        1,
        2,
        3,
        4,
        5,
        6,
        -1,
        -1,
        -1,
    )
    views = TextViews(placed, output, tokenizer)
    assert views.targets.tolist() == [[-1, 0, 0, 3, -1, -1, 1, -1], [-1, 0, 0, 0, 0, 0, 0, -1]]
    assert views.inputs([0, 1]).shape == (2, 8)
    logits = np.zeros((2, 8, 5))
    logits[0, 3, 3] = logits[0, 6, 1] = 9
    found = output.decode(logits + np.eye(5)[0], None, placed.examples)
    assert output.entities(found) == [[(2, 3, "road"), (3, 4, "place")], []]
    metrics = output.metrics(placed, found)
    assert (metrics["f1"], metrics["words_cut"], metrics["texts_cut"]) == (0.8, 3, 1)
    rows = output.document(placed, found)
    assert rows[0]["entities"][1]["start"] == len("jam on zzz ") and rows[1]["words_cut"] == 3


def test_a_stopped_run_takes_its_backbones_tokenizer(tmp_path):
    write_encoder(tmp_path / "encoder")
    spec = {"run": {"backbone": str(tmp_path / "encoder")}, "modality": {"max_tokens": 8}}
    (tmp_path / "spec.json").write_text(json.dumps(spec))
    tokenizer = tokenizer_of(SimpleNamespace(name="m", file=tmp_path / "model.keras"))
    assert tokenizer(["jam on the bridge " * 9]).shape == (1, 8)
