"""A plan with candidates that cost nothing: what is made, kept, chosen and said."""

import itertools
import json

import numpy as np
import pytest
from PIL import Image

from cityzoo.compress import pareto
from cityzoo.compress.candidates import parse_latency, parse_tries, plan_candidates, smaller_backbone
from cityzoo.compress.planner import FLOAT, INT8, Candidate, Promise, Trial, choose, try_all, with_times
from cityzoo.errors import InputError

PLAN = [
    Candidate(change, precision)
    for change in ("original", "prune:0.6", "input:96x96")
    for precision in (FLOAT, INT8)
]
METRICS = {"original": 0.40, "prune:0.6": 0.395, "input:96x96": 0.36}


class Workshop:
    """Makes networks and files, and remembers what was made."""

    def __init__(self, folder, fails=(), stops_at=None):
        self.folder, self.fails, self.stops_at, self.made = folder, fails, stops_at, []

    def network(self, change, folder):
        """A folder with a note; some changes cannot be made."""
        self.made.append(change)
        if change in self.fails:
            raise InputError(f"no {change}")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "note").write_text(change)
        return folder

    def file(self, run, precision, own):
        """A file of 4,000 or 1,000 bytes."""
        name = f"{(run / 'note').read_text()} {precision}"
        if name == self.stops_at:
            raise KeyboardInterrupt
        self.made.append(name)
        (own / "model.onnx").write_bytes(bytes(4000 if precision == FLOAT else 1000))
        return {"file": own / "model.onnx", "metric": METRICS[(run / "note").read_text()]}

    def go(self, identity=None):
        """All of the plan."""
        return try_all(PLAN, self.folder, identity or {"model": "a"}, self.network, self.file)


def test_an_interrupted_plan_goes_on_where_it_was(tmp_path):
    """What is finished is not made again, a network not for its second file; the error says how to continue."""
    first = Workshop(tmp_path, stops_at="prune:0.6 int8")
    with pytest.raises(InputError, match="3 of 6 candidates are finished.*same command"):
        first.go()
    assert first.made == ["original", "original float", "original int8", "prune:0.6", "prune:0.6 float"]
    second = Workshop(tmp_path)
    trials = second.go()
    assert second.made == ["prune:0.6 int8", "input:96x96", "input:96x96 float", "input:96x96 int8"]
    straight = Workshop(tmp_path / "other").go()
    assert [(t.candidate, t.file, t.metric, t.megabytes) for t in trials] == [
        (t.candidate, t.file, t.metric, t.megabytes) for t in straight
    ]
    assert Workshop(tmp_path).go() == trials


def test_what_cannot_be_made_is_left_out_and_tried_again(tmp_path):
    """Both files of a network; the others are there."""
    trials = Workshop(tmp_path, fails=("prune:0.6",)).go()
    assert [bool(trial.file) for trial in trials] == [True, True, False, False, True, True]
    assert trials[2].error == "no prune:0.6"
    again = Workshop(tmp_path)
    assert all(trial.file for trial in again.go())
    assert again.made == ["prune:0.6", "prune:0.6 float", "prune:0.6 int8"]


def test_candidates_of_another_model_are_not_used(tmp_path):
    """One line with what differs."""
    Workshop(tmp_path).go()
    with pytest.raises(InputError, match="candidates of another model") as caught:
        Workshop(tmp_path).go({"model": "b"})
    assert "\n" not in str(caught.value)


@pytest.fixture
def trials(tmp_path):
    """All of the plan, with times."""
    made = Workshop(tmp_path).go()
    times = dict(zip((trial.file for trial in made), (20.0, 12.0, 13.0, 9.0, 11.0, 7.0), strict=True))
    return with_times(made, times)


@pytest.mark.parametrize(
    ("promise", "expected"),
    [
        (Promise(speed_share=0.7), "original, int8"),
        (Promise(speed_share=0.5), "prune:0.6, int8"),
        (Promise(milliseconds=8.0), None),
        (Promise(milliseconds=8.0, may_lose=0.05), "input:96x96, int8"),
        (Promise(megabytes=0.002), "original, int8"),
        (Promise(milliseconds=15.0, megabytes=0.005, may_lose=0.0), "original, int8"),
    ],
)
def test_the_best_that_keeps_the_promise_is_chosen(trials, promise, expected):
    """The best metric, then the fastest; None where nothing does."""
    chosen = choose(trials, promise)
    assert (chosen and chosen.candidate.name) == expected


def test_a_lower_metric_can_be_better():
    """An error that grows is a loss."""
    promise = Promise(speed_share=0.9, may_lose=0.1, lower_is_better=True)
    trials = [Trial(Candidate(), "a", 2.0, 1.0, 10.0)]
    trials += [Trial(Candidate(str(n)), "b", error, 1.0, 5.0) for n, error in enumerate((2.2, 2.05, 1.9))]
    assert choose(trials, promise) == trials[3]
    assert promise.misses(trials[1], trials[0]) == ["loses 0.200, may lose 0.100"]


def test_the_front_is_what_no_other_point_beats():
    """Against the definition, for random points with ties."""
    rng = np.random.default_rng(1)
    for _ in range(50):
        costs, metrics = rng.integers(0, 6, 7).tolist(), rng.integers(0, 6, 7).tolist()
        points = list(zip(costs, metrics, strict=True))
        beaten = {
            i
            for i, j in itertools.permutations(range(7), 2)
            if points[j][0] <= points[i][0] and points[j][1] >= points[i][1] and points[i] != points[j]
        }
        front = pareto.pareto_front(costs, metrics)
        assert {points[i] for i in front} == {points[i] for i in range(7) if i not in beaten}
        assert len(front) == len({points[i] for i in front})


def test_the_table_says_what_each_step_cost(trials):
    """Of the network against the original, of int8 against the same network."""
    promise = Promise(speed_share=0.5)
    said = pareto.cost_table(trials, promise, choose(trials, promise), "AP")
    assert "int8 of original: gains 0.0000, 1.67x as fast, 4.00x smaller" in said
    assert "prune:0.6: loses 0.0050, 1.54x as fast, 1.00x smaller" in said
    assert said.count("kept: chosen") == 1 and "13.0 ms, wanted 10.0" in said


def test_the_plot_shows_two_panels(trials, tmp_path):
    """A PNG that is not empty, with the choice in orange."""
    promise = Promise(speed_share=0.5)
    pareto.draw_pareto(trials, promise, choose(trials, promise), "AP", tmp_path / "pareto.png")
    pixels = np.asarray(Image.open(tmp_path / "pareto.png").convert("RGB")).astype(int)
    orange = np.abs(pixels - [0xD5, 0x5E, 0x00]).sum(axis=2) < 30
    middle = pixels.shape[1] // 2
    assert orange[:, :middle].sum() > 100 and orange[:, middle:].sum() > 100


def test_targets_and_ways_are_read():
    """Milliseconds or a share below 1; the nearest name of a way."""
    assert parse_latency("15") == (15.0, None) and parse_latency(".5x") == (None, 0.5)
    for text in ("fast", "0", "1.2x", "-3", "0ms"):
        with pytest.raises(InputError, match="is not a latency"):
            parse_latency(text)
    with pytest.raises(InputError, match="prune"):
        parse_tries("int8,prun")


def test_the_plan_follows_the_run(make_spec):
    """Relatives of the backbone and multiples of 32; series have no input size."""
    spec = make_spec(image_size=(256, 256), backbone="resnet50")
    names = [each.name for each in plan_candidates(spec, True, ("prune", "input", "student"), 0.1, None)]
    assert names == ["original, float", "prune:0.3, float", "input:192x192, float"]
    assert smaller_backbone("resnet101") == "resnet50"
    assert [each.name for each in plan_candidates(spec, False, ("int8", "prune"), None, None)] == [
        "original, float",
        "original, int8",
    ]


@pytest.fixture
def make_spec():
    """Return a function that makes a spec of a detector."""
    from cityzoo import tasks

    return lambda **flags: tasks.find("vehicle_detect").make_spec(flags)


def test_what_was_made_is_written_down(tmp_path):
    """A file for each network and each candidate, in JSON."""
    Workshop(tmp_path).go()
    assert json.loads((tmp_path / "plan.json").read_text()) == {"model": "a"}
    kept = json.loads((tmp_path / "prune-0.6" / "int8" / "trial.json").read_text())
    assert kept["metric"] == 0.395 and kept["file"] == "prune-0.6/int8/model.onnx"
