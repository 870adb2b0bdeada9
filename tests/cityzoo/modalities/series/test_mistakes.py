"""Bad input of series: one line, exit code 2, nothing left behind."""

import shlex
from pathlib import Path

import pytest

from tests.cityzoo.series_town import SMALL, town, written

BAD = {
    "backbone": ("--data town.csv --backbone stidd", "'stidd': did you mean 'stid'?"),
    "of images": ("--data town.csv --backbone vgg16", "unknown backbone of series 'vgg16'"),
    "freeze": ("--data town.csv --freeze C3", "'C3'"),
    "augment": ("--data town.csv --augment none", "--augment does not apply to task 'traffic_flow'"),
    "weights": ("--data town.csv --weights nowhere", "--weights 'nowhere' is neither a run folder"),
    "graph": (
        "--data town.csv --graph roads",
        "--graph roads needs the roads between sensors: give --adjacency",
    ),
    "adjacency": ("--data town.csv --adjacency small.csv", "small.csv"),
    "no roads": ("--data town.csv --adjacency none.csv", "none.csv"),
    "few": ("--data few.csv", "few.csv"),
    "few to test": (
        "--data town.csv --split 0.9,0.09,0.01",
        "18 test rows hold no window of 12 in and 12 out",
    ),
    "few to validate": (
        "--data town.csv --split 0.89,0.01,0.1",
        "18 rows hold no window of 12 in and 24 out",
    ),
    "text": ("--data text.csv", "text.csv:4"),
    "inf": ("--data inf.csv", "inf.csv:5"),
    "backwards": ("--data backwards.csv", "backwards.csv:4"),
    "dead": ("--data dead.csv", "dead.csv"),
    "gone": ("--data gone.csv", "gone.csv"),
    "channel": ("--data town.csv --alarm 'pm25 > 75 within 30min with 0.5 probability'", "pm25"),
    "too far": ("--data town.csv --alarm 'speed < 20 within 6h with 0.5 probability'", "6h"),
    "closed form": ("--data town.csv --phases closed_form --epochs auto", "remove closed_form from --phases"),
    "resume": ("--resume run --seed 3", "--seed cannot be changed"),
    "preview": ("--data town.csv --preview p.png", "--preview"),
    "there": ("--data town.csv --out run", "--out 'run' exists"),
    "sensors": (
        "evaluate run --data new.csv",
        "the model knows 4 sensors, the data has 3, among them 'x' out of",
    ),
    "explain": ("evaluate run --explain 3", "--explain does not apply to runs of 'traffic_flow'"),
    "predict": ("evaluate run --predict frames", "--predict does not apply to runs of 'traffic_flow'"),
    "no run": ("evaluate run images", "'images'"),
    "metric": ("evaluate run --require mse<=3", "mse"),
}


def spoil(folder):
    """Files that cannot be used, next to the good one."""
    head, *lines = (folder / "town.csv").read_text().splitlines()

    def write(name, rows):
        (folder / name).write_text("\n".join([head, *rows]) + "\n")

    def replaced(row, word):
        cells = lines[row].split(",")
        return [*lines[:row], ",".join([*cells[:2], word, *cells[3:]]), *lines[row + 1 :]]

    write("text.csv", replaced(2, "closed"))
    write("inf.csv", replaced(3, "inf"))
    write("few.csv", lines[:20])
    write("backwards.csv", [lines[0], lines[2], lines[1], *lines[3:]])
    write("dead.csv", [line.partition(",")[0] + ",,,,," for line in lines[:300]])
    (folder / "small.csv").write_text("1,0\n0,1\n")
    written(folder / "new.csv", town(sensors=3, days=2), ["x", "y", "z"])


@pytest.fixture(scope="module")
def answers(place, as_scripts):
    """What the commands print for each piece of bad input: name -> (exit code, out, err)."""
    spoil(place[0])
    cases = {}
    for name, (words, _) in BAD.items():
        first, *rest = shlex.split(words)
        small = [] if "--resume" in words else SMALL
        words = [*rest] if first == "evaluate" else [*small, first, *rest]
        if name == "few to validate":
            words += ["--horizon", "24"]
        cases[name] = ("evaluate.py" if first == "evaluate" else "train.py", words)
    return as_scripts(place[0], cases)


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_said_in_one_line(answers, place, name):
    """Exit code 2, the reason last, no traceback, nothing left behind."""
    code, _, err = answers[name]
    assert code == 2 and "Traceback" not in err, err[-2000:]
    lines = err.strip().splitlines()
    assert BAD[name][1] in lines[-1], lines[-1]
    assert not Path(place[0], "runs").exists() or not list(Path(place[0], "runs").iterdir())


def test_offenders_are_named_with_their_column(answers):
    """Text and infinity of sensor s1."""
    for name, word in (("text", "closed"), ("inf", "inf")):
        assert "s1" in answers[name][2] and word in answers[name][2]
