"""Texts from every format, checked and split; each fault is counted or said in one line."""

import json

import pytest

from cityzoo.data.text import load
from cityzoo.data.text.formats import Columns
from cityzoo.errors import InputError

ROWS = [(f"the bus number {n} is late", "late") for n in range(20)]
ROWS += [(f"light {n} is broken", "broken") for n in range(20)]


def table(rows, header="text,label", delimiter=","):
    """A CSV."""
    lines = [delimiter.join(f'"{field}"' for field in row) for row in rows]
    return "\n".join([header.replace(",", delimiter), *lines]) + "\n"


def labels_of(side):
    """The names of each text's labels."""
    return [tuple(n for n, on in zip(side.class_names, e.target, strict=True) if on) for e in side.examples]


def test_formats_give_the_same_texts(tmp_path):
    pairs = [{"sentence": text, "intent": label} for text, label in ROWS]
    (tmp_path / "a.csv").write_text(table(ROWS))
    (tmp_path / "b.tsv").write_text(table(ROWS, delimiter="\t"))
    (tmp_path / "c.json").write_text(json.dumps({"train": ROWS}))
    (tmp_path / "d.jsonl").write_text("\n".join(map(json.dumps, pairs)))
    (tmp_path / "e.csv").write_text(table(ROWS, "Message,Category", ";"), encoding="utf-16")
    for number, (text, label) in enumerate(ROWS):
        (tmp_path / "folders" / label).mkdir(parents=True, exist_ok=True)
        (tmp_path / "folders" / label / f"{number}.txt").write_text(text)
    found = [
        load(str(tmp_path / name)) for name in ("a.csv", "b.tsv", "c.json", "d.jsonl", "e.csv", "folders")
    ]
    expected = {(text, (label,)) for text, label in ROWS}
    splits = set()
    for data in found:
        sides = [
            {(e.text, n) for e, n in zip(s.examples, labels_of(s), strict=True)}
            for s in (data.train, data.val)
        ]
        assert sides[0] | sides[1] == expected and not sides[0] & sides[1]
        assert data.train.class_names == ("broken", "late") and not data.has_val_split
        splits.add(frozenset(sides[1]))
    assert len(splits) == 1  # the words decide, not the file
    assert found[4].findings.counts["encoding"] == 1


def test_splits_of_the_data_are_kept(tmp_path):
    (tmp_path / "train.csv").write_text(table(ROWS[:30]))
    (tmp_path / "dev.csv").write_text(table([*ROWS[30:], ROWS[0]]))
    (tmp_path / "test.csv").write_text(table([("where is the tram", "late")]))
    (tmp_path / "notes.pdf").write_text("x")
    (tmp_path / "categories.json").write_text('["late", "broken"]')
    data = load(str(tmp_path))
    assert (len(data.train), len(data.val), len(data.test), data.has_val_split) == (30, 10, 1, True)
    assert data.findings.counts["across splits"] == 1 and set(data.findings.first["unused file"]) == {
        "notes.pdf",
        "categories.json",
    }


def test_texts_outside_of_all_classes_have_empty_targets(tmp_path):
    content = {
        "train": ROWS,
        "val": [["late bus", "late"]],
        "oos_val": [["tell me a joke", "oos"]],
        "domains": ["x"],
    }
    (tmp_path / "data.json").write_text(json.dumps(content))
    data = load(str(tmp_path / "data.json"))
    assert labels_of(data.val) == [("late",), ()] and "oos" not in data.train.class_names
    assert data.findings.counts["outside"] == 1 and data.findings.first["unused column"] == [
        "data.json: domains"
    ]


def test_copies_contradictions_typos_and_personal_data_are_found(tmp_path):
    odd = [
        ("The BUS, number 0 is late!", "late"),  # a copy of the first
        ("my street floods", "flood"),
        ("my street floods", "flood"),
        ("My street floods", "late"),
        ("lamp out", "brokn"),
        ("call me on +49 171 2345678", "late"),
        ("", "late"),
        ("a bell\x07 rings \u202eabc", "late"),
        ("word " * 5000, "late"),
        ("no label here", ""),
    ]
    (tmp_path / "a.csv").write_text(table([*ROWS, *odd], "text,label"))
    data = load(str(tmp_path / "a.csv"))
    counts = data.findings.counts
    expected = {
        "duplicate": 1,
        "contradiction": 2,
        "similar labels": 1,
        "personal": 1,
        "empty": 1,
        "control": 1,
    }
    assert {kind: counts[kind] for kind in expected} == expected
    assert counts["long"] == 1 and counts["outside"] == 1
    texts = {e.text: e for side in (data.train, data.val) for e in side.examples}
    assert "a bell rings abc" in texts and max(map(len, texts)) == 20_000
    flood = data.train.class_names.index("flood")
    assert texts["my street floods"].target[flood] == 1
    assert data.findings.as_dict()["findings"]["contradiction"]["count"] == 2
    (tmp_path / "b.csv").write_text((tmp_path / "a.csv").read_text().replace("text,label", "text,label,x", 1))
    rows = (tmp_path / "b.csv").read_text().splitlines()
    (tmp_path / "b.csv").write_text("\n".join([rows[0], *(f"{row},1" for row in rows[1:])]))
    with pytest.raises(InputError, match="--strict"):
        load(str(tmp_path / "b.csv"), strict=True)


def test_what_no_class_fits_is_outside(tmp_path):
    """An empty label, a label of the usual names, and one that --class-map sends there."""
    rows = [*ROWS, ("sing me a song", ""), ("what is love", "oos"), ("hello hello", "chat")]
    (tmp_path / "a.csv").write_text(table(rows))
    data = load(str(tmp_path / "a.csv"), class_map={"chat": "outside"})
    outside = [each for side in (data.train, data.val) for each in side.examples if not each.target.any()]
    assert {each.text for each in outside} == {"sing me a song", "what is love", "hello hello"}
    assert data.findings.counts["outside"] == 3 and "chat" not in data.train.class_names
    (tmp_path / "b.csv").write_text(table([(text, "") for text, _ in ROWS]))
    with pytest.raises(InputError, match="no labels"):
        load(str(tmp_path / "b.csv"))


@pytest.mark.parametrize("name", ["test.csv", "calls.csv", "val.csv"])
def test_texts_to_evaluate_need_no_others(tmp_path, name):
    """They stay together, whatever their file is named, and one text may be all there is of a class."""
    rows = [*ROWS[:5], ("ice on the road", "ice"), ("sing me a song", "")]
    (tmp_path / name).write_text(table(rows))
    data = load(str(tmp_path / name), is_training=False)
    (used,) = [side for side in (data.train, data.val, data.test) if side and len(side)]
    assert len(used) == 7 and used.class_names == ("ice", "late")
    assert data.findings.counts["dropped class"] == 0 and data.has_val_split == (name == "val.csv")


def test_lists_of_one_file_have_places_of_their_own(tmp_path):
    """CLINC150 keeps all splits in one file; what a list named oos_ holds is outside, whatever its labels say."""
    content = {"train": [[f"bin {n} is full", "bin"] for n in range(4)], "val": [["the bin is full", "bin"]]}
    content |= {"oos_val": [["sing a song", "bin"]], "oos_train": [["tell a joke", "oos"]]}
    (tmp_path / "data.json").write_text(json.dumps(content))
    data = load(str(tmp_path / "data.json"))
    places = [each.path for side in (data.train, data.val) for each in side.examples]
    assert len(set(places)) == 7 and "data.json:oos_val:1" in places
    assert [each.target.tolist() for each in data.val.examples] == [[1], [0]]


def test_several_labels_and_a_map(tmp_path):
    rows = [*ROWS, ("water on the road, lane closed", "flood;closed"), ("water everywhere", "flood")]
    (tmp_path / "a.csv").write_text(table(rows))
    data = load(
        str(tmp_path / "a.csv"),
        columns=Columns(separator=";"),
        class_map={"broken": "ignore", "flood": "water"},
    )
    names = {label for side in (data.train, data.val) for each in labels_of(side) for label in each}
    assert names <= {"late", "water", "closed"} and data.findings.counts["dropped class"] == 20
    both = [n for s in (data.train, data.val) for n in labels_of(s) if len(n) == 2]
    assert both in ([("closed", "water")], [])


def test_groups_stay_together(tmp_path):
    rows = [(f"{text} {n}", label, f"call{n % 7}") for n, (text, label) in enumerate(ROWS)]
    (tmp_path / "a.csv").write_text(table(rows, "text,label,conversation"))
    data = load(str(tmp_path / "a.csv"), split_by="group")
    groups = [{e.group for e in side.examples} for side in (data.train, data.val)]
    assert groups[0] and groups[1] and not groups[0] & groups[1]


def test_words_with_tags(tmp_path):
    sentence = "Flood O\nin O\nMain B-LOC\nStreet I-LOC\n\n"
    other = "".join(f"word{n} O\nKerala B-LOC\n\n" for n in range(30))
    (tmp_path / "train.txt").write_text(f"-DOCSTART- O\n\n{sentence}{other}")
    data = load(str(tmp_path))
    found = {e.words: e.tags for side in (data.train, data.val) for e in side.examples}
    assert found["Flood", "in", "Main", "Street"] == ("O", "O", "B-LOC", "I-LOC") and len(found) == 31
    (tmp_path / "train.txt").write_text("Flood O\nin\n")
    with pytest.raises(InputError, match="line 2"):
        load(str(tmp_path), format="conll")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", "id,number\n1,2\n", "--text-column"),
        ("a.csv", "text,label\na,b,c\n", "line 2"),
        ("a.csv", "text,other\na,b\n", "no labels"),
        ("a.json", "{", "not JSON"),
        ("a.json", "[1, 2]", "record 1"),
        ("a.jsonl", '{"text": 3, "label": "x"}', "has no text"),
        ("a.pdf", "x", "holds no texts"),
        ("a.csv", "text,label\nonly one,x\n", "cannot be split"),
    ],
)
def test_unusable_files_are_one_line(tmp_path, name, content, message):
    (tmp_path / name).write_text(content)
    with pytest.raises(InputError, match=message) as caught:
        load(str(tmp_path / name))
    assert "\n" not in str(caught.value)


def test_binary_files_and_missing_columns(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"text,label\n\x00\x01\x02")
    with pytest.raises(InputError, match="not a text file"):
        load(str(tmp_path / "a.csv"))
    (tmp_path / "b.csv").write_text(table(ROWS))
    with pytest.raises(InputError, match="column"):
        load(str(tmp_path / "b.csv"), columns=Columns(text="words"))
    with pytest.raises(InputError, match="does not exist"):
        load(str(tmp_path / "gone.csv"))
