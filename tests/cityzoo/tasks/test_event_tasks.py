"""Tasks on reports as commands: training, evaluation, prediction with character offsets, and bad input."""

import json

import pytest

from tests.tiny_encoder import write_encoder

TRAIN = ["train.py", ["--task", "event_tag", "--data", "tags", "--backbone", "encoder", "--max-tokens", "16"]]
LONG = ["wait", "at"] + ["road"] * 20 + ["bridge"]


@pytest.fixture(scope="module")
def ran(tmp_path_factory, as_scripts):
    """The folder, and exit code, output and errors of each command."""
    folder = tmp_path_factory.mktemp("reports")
    write_encoder(folder / "encoder")
    (folder / "tags").mkdir()
    for split, count in (("train", 40), ("val", 12)):
        texts = [["jam", "on", f"a{n}", "at", "bridge", f"{split}"] for n in range(count)]
        rows = [list(zip(words, ["O", "O", "U-road", "O", "U-place", "O"], strict=True)) for words in texts]
        rows += [[*((word, "O") for word in LONG[:-1]), (LONG[-1], "B-place"), (split, "O")]]
        text = "\n\n".join("\n".join(f"{word} {tag}" for word, tag in row) for row in rows)
        (folder / "tags" / f"{split}.txt").write_text(text)
    (folder / "new.txt").write_text("Jam on A9, near the bridge!\n\n" + " ".join(LONG) + "\n")
    names = ("jam", "fire", "jam;fire", "oos")
    lines = [
        f"there is {name.replace(';', ' and ')} here {n} now,{name}" for n in range(12) for name in names
    ]
    (folder / "events.csv").write_text("\n".join(["text,events", *lines]))
    own = ["--cache", "cache", "--out"]
    events = ["--task", "event_classify", "--data", "events.csv", "--backbone", "tfidf", *own, "events"]
    cases = {
        "train": ("train.py", [*TRAIN[1], "--phases", "backbone:2,block01:1", *own, "run"]),
        "again": ("evaluate.py", ["run"]),
        "predict": ("evaluate.py", ["run", "--predict", "new.txt", "--out", "found"]),
        "tfidf": (
            "train.py",
            ["--task", "event_tag", "--data", "tags", "--backbone", "tfidf", "--out", "no"],
        ),
        "untagged": ("train.py", ["--task", "event_tag", "--data", "events.csv", "--backbone", "encoder"]),
        "events": ("train.py", events),
        "events_predict": ("evaluate.py", ["events", "--predict", "new.txt", "--out", "alarms"]),
    }
    return folder, as_scripts(folder, cases)


def test_a_tagger_is_trained_and_evaluated(ran):
    folder, answers = ran
    assert answers["train"][0] == 0, answers["train"][2][-3000:]
    report = json.loads((folder / "run" / "report.json").read_text())
    assert set(report["per_class"]) == {"place", "road"} and report["n_texts"] == 13
    assert report["words_cut"] == len(LONG) + 1 - 14 and report["texts_cut"] == 1
    assert report["intervals"]["f1"] is not None and set(report["errors"]) > {"missed", "invented"}
    rows = json.loads((folder / "run" / "entities.json").read_text())["texts"]
    assert rows[0]["true"][0] == {"start": 7, "end": 9, "type": "road", "text": "a0"}
    page = (folder / "run" / "report.html").read_text()
    assert "Errors by kind" in page and "--max-tokens" in page
    assert answers["again"][0] == 0, answers["again"][2][-3000:]
    again = json.loads((folder / "run" / "report.json").read_text())
    assert [again[key] for key in ("f1", "errors")] == [report[key] for key in ("f1", "errors")]


def test_entities_of_new_texts_have_character_offsets(ran):
    folder, answers = ran
    assert answers["predict"][0] == 0, answers["predict"][2][-3000:]
    rows = json.loads((folder / "found" / "entities.json").read_text())["texts"]
    assert [row["path"] for row in rows] == ["new.txt:1", "new.txt:3"]
    assert rows[1]["words_cut"] == len(LONG) - 14
    for row in rows:
        for entity in row["entities"]:
            assert row["text"][entity["start"] : entity["end"]] == entity["text"]
            assert 0 < entity["confidence"] <= 1


def test_reports_of_several_events(ran):
    folder, answers = ran
    assert answers["events"][0] == 0, answers["events"][2][-3000:]
    report = json.loads((folder / "events" / "report.json").read_text())
    assert set(report["alarms"]) == {"fire", "jam"} and report["mean_ap"] > 0.9
    assert " frames" not in (folder / "events" / "report.html").read_text()
    assert answers["events_predict"][0] == 0, answers["events_predict"][2][-3000:]
    found = json.loads((folder / "alarms" / "predictions.json").read_text())
    assert set(found["new.txt:1"]) == {"fire", "jam", "alarms"}


def test_what_cannot_tag_or_has_no_tags_is_refused(ran):
    _, answers = ran
    for name, word in (("tfidf", "tfidf"), ("untagged", "CoNLL")):
        code, _, errors = answers[name]
        assert code == 2 and word in errors.strip().splitlines()[-1], errors[-2000:]
        assert "Traceback" not in errors
