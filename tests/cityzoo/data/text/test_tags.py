"""Tags from every format come out as the same BIO tags; broken ones are repaired and counted."""

import json

import pytest

from cityzoo.data.text import load
from cityzoo.data.text.formats import Columns
from cityzoo.data.text.tags import Span, spans_of, tags_of, to_bio, word_offsets
from cityzoo.errors import InputError

TEXTS = [
    (
        f"jam on A {n} near New Town",
        [(7, 9 + len(str(n)), "road"), (15 + len(str(n)), 23 + len(str(n)), "place")],
    )
    for n in range(20)
]
TAGS = ["O", "O", "B-road", "I-road", "O", "B-place", "I-place"]
BILOU = ["O", "O", "B-road", "L-road", "O", "B-place", "L-place"]


def test_formats_of_tags_give_the_same_texts(tmp_path):
    words = [text.split() for text, _ in TEXTS]
    conll = "\n".join(
        "\n".join(f"{w} x {t}" for w, t in zip(each, BILOU, strict=False)) + "\n" for each in words
    )
    (tmp_path / "a.conll").write_text("-DOCSTART- O\n\n" + conll)
    (tmp_path / "b.json").write_text(json.dumps([{"tokens": each, "ner_tags": TAGS} for each in words]))
    (tmp_path / "c.jsonl").write_text("\n".join(json.dumps({"words": w, "labels": BILOU}) for w in words))
    entities = [
        [{"start": start, "end": end, "label": name} for start, end, name in spans] for _, spans in TEXTS
    ]
    rows = [{"text": text, "entities": each} for (text, _), each in zip(TEXTS, entities, strict=False)]
    (tmp_path / "d.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (tmp_path / "e.json").write_text(json.dumps([[text, {"entities": spans}] for text, spans in TEXTS]))
    for name in ("a.conll", "b.json", "c.jsonl", "d.jsonl", "e.json"):
        data = load(str(tmp_path / name))
        found = {each.words: each.tags for side in (data.train, data.val) for each in side.examples}
        assert found == {tuple(each): tuple(TAGS) for each in words}, name
        assert data.train.class_names == ("place", "road") and data.train.examples[0].target.tolist() == [
            1,
            1,
        ]


def test_schemes_become_bio():
    assert to_bio(["U-a", "B-b", "I-b", "L-b", "S-a", "E-a"]) == (
        ("B-a", "B-b", "I-b", "I-b", "B-a", "I-a"),
        0,
    )
    assert to_bio(["I-a", "I-b", "O", "L-a"]) == (("B-a", "B-b", "O", "B-a"), 3)
    assert tags_of(spans_of(TAGS), 7) == tuple(TAGS)
    assert word_offsets("a  b a", ["a", "b", "a"]) == [(0, 1), (3, 4), (5, 6)]
    assert tags_of([Span(0, 1, "x"), Span(0, 3, "y")], 3) == ("B-y", "I-y", "I-y")


def test_faults_of_tags_are_counted(tmp_path):
    lines = [f"road {n} I-road\n" for n in range(12)] + ["old O\nbridge B-place\n", "old O\nbridge O\n"] * 2
    lines = [line.replace("road ", f"word{n} O\nroad ") for n, line in enumerate(lines)]
    (tmp_path / "a.conll").write_text("\n".join(lines))
    data = load(str(tmp_path / "a.conll"), class_map={"place": "where"})
    assert data.findings.counts["broken tags"] == 12 and data.findings.counts["contradiction"] == 3
    assert set(data.train.class_names) == {"road", "where"}
    kept = load(str(tmp_path / "a.conll"), classes=("road",))
    tags = {tag for side in (kept.train, kept.val) for each in side.examples for tag in each.tags}
    assert tags == {"O", "B-road"} and kept.findings.counts["dropped type"] == 1


def test_groups_are_held_out(tmp_path):
    for storm in ("anna", "ben", "carl"):
        (tmp_path / storm).mkdir()
        for split in ("train", "dev"):
            words = "\n".join(f"{storm}{split}{n} B-road\n" for n in range(5))
            (tmp_path / storm / f"{split}.txt").write_text(words)
    assert [len(side) for side in (lambda d: (d.train, d.val))(load(str(tmp_path)))] == [15, 15]
    data = load(str(tmp_path), hold_out=("ben",))
    assert {each.group for each in data.val.examples} == {"ben"} and len(data.val) == 10
    assert len(data.train) == 20 and data.has_val_split
    data = load(str(tmp_path), split_by="group")
    groups = [{each.group for each in side.examples} for side in (data.train, data.val)]
    assert groups[0] | groups[1] == {"anna", "ben", "carl"} and not groups[0] & groups[1] and groups[1]
    with pytest.raises(InputError, match="carla"):
        load(str(tmp_path), hold_out=("carla",))


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({"tokens": ["a", "b"], "tags": ["O"]}, "2 words and 1 tags"),
        ({"tokens": ["a"], "ner_tags": [3]}, "tag '3'"),
        ({"text": "abc", "entities": [[1, 9, "x"]]}, "3 characters"),
        ({"text": "abc", "entities": [{"from": 1}]}, "start, end and label"),
    ],
)
def test_wrong_tags_are_one_line(tmp_path, record, message):
    (tmp_path / "a.json").write_text(json.dumps([record]))
    with pytest.raises(InputError, match=message):
        load(str(tmp_path / "a.json"))


def test_several_labels_of_a_table(tmp_path):
    rows = ["jam and fire,1,1", "fire,0,1", "all quiet,0,0", *(f"fire {n},0,1" for n in range(9))]
    rows += [f"jam {n},1,0" for n in range(12)]
    (tmp_path / "a.csv").write_text("\n".join(["text,jam,fire", *rows]))
    (tmp_path / "b.csv").write_text(
        "\n".join(["text,labels", "jam and fire,jam;fire", "fire,fire", "all quiet,oos"])
        + "".join(f"\nfire {n},fire" for n in range(9))
        + "".join(f"\njam {n},jam" for n in range(12))
    )
    sides = []
    for name, column in (("a.csv", ""), ("b.csv", ""), ("a.csv", "jam, fire")):
        data = load(str(tmp_path / name), columns=Columns(label=column, separator=";", several=True))
        assert data.train.class_names == ("fire", "jam")
        found = [each for side in (data.train, data.val) for each in side.examples]
        sides.append({each.text: each.target.tolist() for each in found})
    assert sides[0] == sides[1] == sides[2]
    assert (
        sides[0]["jam and fire"] == [1, 1] and sides[0]["all quiet"] == [0, 0] and sides[0]["fire"] == [1, 0]
    )
    with pytest.raises(InputError, match="smoke"):
        load(str(tmp_path / "a.csv"), columns=Columns(label="jam,smoke", several=True))
