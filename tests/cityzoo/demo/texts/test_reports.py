"""Demo traffic reports: tags on the right words, places of val unknown to train."""

import itertools

from cityzoo.data.text.findings import TextFindings
from cityzoo.data.text.formats import Columns, read
from cityzoo.demo.texts import reports

TRAIN, VAL = reports.make_reports("train"), reports.make_reports("val")


def entities(report):
    """The tagged pieces of a report: (tag, text)."""
    found = []
    for word, tag in zip(report.words, report.tags, strict=True):
        if tag.startswith("B-"):
            found.append([tag[2:], word])
        elif tag.startswith("I-"):
            assert found[-1][0] == tag[2:]
            found[-1][1] += f" {word}"
    return {(name, text.lower()) for name, text in found}


def test_tags_stand_on_their_words():
    """Of a report that nobody mistyped, the tagged words are one of the values of that slot."""
    values = reports.read_templates("reports")["en"]
    known = {(name, value) for name in reports.TAGS for value in values[name]["train"]}
    untouched = [
        each
        for each in TRAIN
        if each.language == "en" and entities(each) <= {(n, v.lower()) for n, v in known}
    ]
    assert len(untouched) > 0.8 * sum(each.language == "en" for each in TRAIN)
    assert {name for each in untouched for name, _ in entities(each)} == set(reports.TAGS)


def test_roads_and_places_of_val_are_new():
    """Else a list of names would be enough."""
    train = {pair for each in TRAIN for pair in entities(each) if pair[0] in ("road", "place")}
    val = [pair for each in VAL for pair in entities(each) if pair[0] in ("road", "place")]
    assert sum(pair in train for pair in val) == 0


def test_labels():
    """Every event occurs, alone and together; some reports have none."""
    sizes = {len(each.labels) for each in VAL}
    assert sizes == {0, 1, 2}
    assert set(itertools.chain(*(each.labels for each in VAL))) == set(reports.EVENTS)


def test_files_are_read_back(tmp_path):
    """Classes separated by semicolons, words with tags."""
    findings = TextFindings("a", "")
    found = read(str(reports.write_classes(tmp_path / "a")), None, Columns(separator=";"), findings)
    assert [each.labels for each in found if each.split == "val"] == [each.labels for each in VAL]
    found = read(str(reports.write_tags(tmp_path / "b")), None, Columns(), findings)
    assert [(each.words, each.tags) for each in found if each.split == "train"] == [
        (each.words, each.tags) for each in TRAIN
    ]
