"""Demo calls: distinct, balanced, and no template on two sides."""

import csv
import json
from collections import Counter, defaultdict

import pytest

from cityzoo.data import text as texts
from cityzoo.demo.texts import LANGUAGES, SPLITS, calls, read_templates
from cityzoo.errors import InputError

CALLS = {split: calls.make_calls(split) for split in SPLITS}


def test_every_intent_in_every_language():
    """20 of each in train, 6 in val and test, and two and a half times as many outside of all."""
    for split, count in calls.COUNTS.items():
        found = Counter((each.language, each.label) for each in CALLS[split])
        assert found == {
            (language, label): count if label != "oos" else count * 2.5
            for language in LANGUAGES
            for label in (*calls.INTENTS, "oos")
        }


def test_no_template_is_used_on_two_sides():
    """The parts around the slots of a template occur in texts of its own split alone."""
    for language, words in read_templates("calls").items():
        for label in (*calls.INTENTS, "oos"):
            sides = [set(words[label][split]) for split in SPLITS]
            assert not (sides[0] & sides[1] | sides[0] & sides[2] | sides[1] & sides[2]), (language, label)
    everything = [each.text.lower() for split in SPLITS for each in CALLS[split]]
    assert len(set(everything)) == len(everything)
    assert {each.group for each in CALLS["train"]}.isdisjoint({each.group for each in CALLS["val"]})


def test_a_call_has_one_label():
    """Texts of a group are of one caller, who wants one thing."""
    labels = defaultdict(set)
    for each in CALLS["train"]:
        labels[each.group].add(each.label)
    assert max(map(len, labels.values())) == 1
    assert max(Counter(each.group for each in CALLS["train"]).values()) == 2


def test_files_are_read_back(tmp_path):
    """All of them, by the reader of users' own texts; equal seeds give equal files."""
    folder = calls.write(tmp_path / "a", 1)
    found = texts.load(str(folder))
    assert found.train.class_names == tuple(sorted(calls.INTENTS))
    assert found.findings.format == "csv" and "unused file" not in found.findings.first
    assert [len(side) for side in (found.train, found.val, found.test)] == [1000, 300, 300]
    assert sum(not each.target.any() for each in found.val.examples) == 60
    assert found.train.examples[0].group.startswith("train-en-broken_light-")
    again = calls.write(tmp_path / "b", 1)
    assert (folder / "val.csv").read_bytes() == (again / "val.csv").read_bytes()
    assert json.loads((folder / "demo.json").read_text())["seed"] == 1
    with pytest.raises(InputError, match="not empty"):
        calls.write(folder, 2)


def test_tables_are_csv(tmp_path):
    """With a header."""
    text = (calls.write(tmp_path / "a") / "train.csv").read_text(encoding="utf-8")
    assert next(csv.DictReader(text.splitlines())).keys() == {"text", "label", "group", "language"}
