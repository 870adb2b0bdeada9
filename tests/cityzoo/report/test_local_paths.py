"""No report tells where its files lay."""

import json

from cityzoo.report.local_paths import shorten_paths


def test_paths_are_shortened_wherever_they_stand():
    """In values, keys, lists, tuples, sentences; numbers and relative paths stay."""
    report = {
        "data": "/home/ann/roads",
        "spec": {"run": {"data": "/home/ann/roads", "out": "runs/x"}, "plan": ({"freeze": "C3"},)},
        "compared": {"/home/ann/runs/old": {"AP": 0.5}},
        "warnings": ["stopped; python train.py --resume /home/ann/runs/old continues it"],
    }
    found = shorten_paths(report)
    assert "/home" not in json.dumps(found)
    assert found["compared"] == {"old": {"AP": 0.5}}
    assert found["spec"]["run"] == {"data": "roads", "out": "runs/x"}
    assert found["warnings"] == ["stopped; python train.py --resume old continues it"]
    assert report["data"] == "/home/ann/roads"


def test_the_home_folder_is_not_told(monkeypatch):
    """Where a sentence names a file of the user's, such as weights to download."""
    monkeypatch.setenv("HOME", "/home/ann")
    found = shorten_paths(
        {"data": "/home/ann/roads", "warnings": ["Save it as /home/ann/.keras/a.h5 (or not)"]}
    )
    assert found == {"data": "roads", "warnings": ["Save it as ~/.keras/a.h5 (or not)"]}
