"""Strict F1 of entities by hand and as seqeval computes it; errors by kind; taggers without a network."""

from collections import Counter

import numpy as np
import pytest

from cityzoo.data.text.tags import spans_of, tags_of
from cityzoo.metrics import tagging
from cityzoo.metrics.tagging_baseline import WordShapeTagger, match_phrases

CLASSES = ("place", "road")
TRUE = [
    ["B-road", "I-road", "O", "B-place"],
    ["O", "B-place", "O", "B-road"],
    ["O", "O", "B-road", "I-road"],
]
FOUND = [
    ["B-road", "I-road", "O", "B-road"],
    ["B-place", "O", "O", "B-road"],
    ["O", "O", "B-road", "B-road"],
]


def entities(tags):
    """The entities of texts."""
    return [spans_of(each) for each in tags]


def random_tags(rng, texts=60):
    """Valid tags of texts of different lengths."""
    found = []
    for _ in range(texts):
        tags = []
        for _ in range(rng.integers(1, 12)):
            part = rng.choice(["O", "O", "B-place", "B-road", "I"])
            if part == "I":
                part = f"I{tags[-1][1:]}" if tags and tags[-1] != "O" else "O"
            tags.append(str(part))
        found.append(tags)
    return found


def test_f1_by_hand():
    values = tagging.entity_metrics(entities(TRUE), entities(FOUND), CLASSES)
    # right: two roads; found: 5 roads and 1 place; true: 3 roads and 2 places
    assert (values["precision"], values["recall"], values["entities"]) == (2 / 6, 2 / 5, 5)
    assert values["f1"] == pytest.approx(4 / 11)
    assert values["per_class"]["road"] == {"n": 3, "f1": 4 / 8, "precision": 2 / 5, "recall": 2 / 3}
    assert values["per_class"]["place"] == {"n": 2, "f1": 0, "precision": 0, "recall": 0}
    assert values["macro_f1"] == 0.25 and values["f1_untyped"] == pytest.approx(6 / 11)
    errors = tagging.count_errors(entities(TRUE), entities(FOUND))
    assert {kind: row["n"] for kind, row in errors.items()} == {
        "missed": 1, "invented": 1, "wrong boundary": 1, "wrong type": 1, "wrong boundary and type": 0,
    }  # fmt: skip


def test_f1_equals_seqeval():
    seqeval = pytest.importorskip("seqeval.metrics")
    from seqeval.scheme import IOB2

    rng = np.random.default_rng(0)
    true, found = random_tags(rng), random_tags(rng)
    found = [
        (other * 12)[: len(own)] if rng.random() < 0.6 else own
        for own, other in zip(true, found, strict=True)
    ]
    found = [tags_of(spans_of_any(each), len(each)) for each in found]
    expected = seqeval.classification_report(
        true, [list(each) for each in found], mode="strict", scheme=IOB2, output_dict=True
    )
    values = tagging.entity_metrics(entities(true), entities(found), CLASSES)
    own = tagging.classification_report(values)
    assert 0.3 < values["f1"] < 0.9
    for row, columns in expected.items():
        for name, value in columns.items():
            assert own[row][name] == pytest.approx(value), (row, name)


def spans_of_any(tags):
    """The entities of tags that may begin with an inner one."""
    from cityzoo.data.text.tags import to_bio

    return spans_of(to_bio(tags)[0])


def test_weights_repeat_texts():
    counts = tagging.count_entities(entities(TRUE), entities(FOUND), CLASSES)
    weighted = tagging.weighted_entity_metrics(counts, CLASSES)(np.array([[1.0, 1, 1], [2, 0, 1], [0, 0, 0]]))
    twice = tagging.entity_metrics(
        entities([TRUE[0], TRUE[0], TRUE[2]]), entities([FOUND[0], FOUND[0], FOUND[2]]), CLASSES
    )
    assert weighted["f1"][0] == pytest.approx(4 / 11) and weighted["f1"][1] == pytest.approx(twice["f1"])
    assert np.isnan(weighted["f1"][2])
    assert weighted["per_class/road/f1"][1] == pytest.approx(twice["per_class"]["road"]["f1"])


def test_confidence_is_that_of_the_least_sure_word():
    shares = [np.array([0.9, 0.6, 1.0, 0.8])]
    found = tagging.entity_calibration(entities(TRUE[:1]), entities(FOUND[:1]), shares)
    assert found["bins"]["confidence"] == [0.6, 0.8] and found["bins"]["accuracy"] == [1.0, 0.0]
    assert found["ece"] == pytest.approx((0.4 + 0.8) / 2)
    assert tagging.entity_calibration([[]], [[]], shares) is None


def test_baseline_knows_phrases_and_shapes(tmp_path):
    roads = ["A1", "B22", "C333", "A45", "B6", "C78"]
    texts = [(["jam", "on", road, "now"], ["O", "O", "B-road", "O"]) for road in roads] * 3
    texts += [(["jam", "in", "New", "Town", "now"], ["O", "O", "B-place", "I-place", "O"])] * 3
    texts += [(["we", "wait", "here", "now"], ["O", "O", "O", "O"])] * 5
    tagger = WordShapeTagger.fit(texts)
    assert match_phrases(["to", "new", "town"], tagger.phrases) == ("O", "B-place", "I-place")
    assert match_phrases(["on", "D99"], tagger.phrases) == ("O", "O")
    found = tagger([["jam", "on", "D99", "now"], [], ["jam", "in", "New", "Town", "now"]])
    assert found == [("O", "O", "B-road", "O"), (), ("O", "O", "B-place", "I-place", "O")]
    tagger.write(tmp_path)
    again = WordShapeTagger.read(tmp_path)
    assert again.phrases == tagger.phrases and again([["on", "D99"]]) == tagger([["on", "D99"]])
    assert WordShapeTagger.read(tmp_path / "none") is None


def test_a_texts_own_entities_do_not_count_in_training():
    phrases = {("a", "9"): Counter(road=1)}
    assert match_phrases(["A", "9"], phrases, phrases) == ("O", "O")
