"""Exchanged names: which words change, in the text and in its control, and what a rule on names costs."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from cityzoo.data.text.texts import TextExample, TextSet
from cityzoo.errors import InputError
from cityzoo.evaluation.interventions.changed_examples import measure_changed
from cityzoo.modalities.text import TEXT
from cityzoo.modalities.text.interventions import GERMAN_PERSONS, GERMAN_PLACES, PLACES, exchange_names
from cityzoo.outputs.classification import Classification

NAMES = ("bus", "train")


def read_texts(*lines):
    each = (TextExample(line, f"t:{n}", target=np.eye(2)[n % 2]) for n, line in enumerate(lines))
    return TextSet("val", NAMES, tuple(each))


def count_changed(first, second):
    pairs = list(zip(first.split(), second.split(), strict=True))
    return sum(a != b for a, b in pairs)


def test_words_of_a_list_are_exchanged_and_as_many_others_in_the_control():
    """Case and marks stay; what begins a text is no name by its capital letter alone."""
    texts = read_texts(
        "Next bus to oslo, please?", "from Paris to Rome with Bob", "call 112 now", "nothing here"
    )
    found = {each.name: each for each in exchange_names(texts, seed=0)}
    assert {name: list(each.rows) for name, each in found.items()} == {
        "other places": [0, 1],
        "other names": [1],
        "other numbers": [2],
    }
    places = found["other places"]
    first, second = (each.text for each in places.examples.examples)
    assert first.startswith("Next bus to ") and first.endswith(", please?")
    city = first.removeprefix("Next bus to ").removesuffix(", please?")
    assert city != "oslo" and city.title() in PLACES and city.islower()
    assert [count_changed(a, b) for a, b in (("from Paris to Rome with Bob", second),)] == [2]
    assert "oslo" in places.control.examples[0].text and "Paris" in places.control.examples[1].text
    digits = found["other numbers"].examples.examples[0].text.split()[1]
    assert len(digits) == 3 and digits.isdecimal()


def answer(rule):
    """Return a modality whose model says bus where a rule holds."""

    def predict(model, examples, output):
        return [np.array([0.9, 0.1] if rule(each.text) else [0.1, 0.9]) for each in examples.examples]

    return SimpleNamespace(
        unit="texts",
        predict=predict,
        interventions=exchange_names,
        score_changed=TEXT.score_changed,
        groups=lambda examples: [""] * len(examples),
        select=lambda examples, rows: examples,
    )


def test_a_rule_on_names_is_flagged_and_one_on_words_is_not():
    texts = read_texts(*["take me by road to Oslo now", "take me by rail to Paris now"] * 20)
    shortcut = measure_changed(answer(lambda text: "Oslo" in text), None, Classification(NAMES), texts, 0, 40)
    row = shortcut["changes"]["other places"]
    assert shortcut["flagged"] == ["other places"] and row["before"] == pytest.approx(0.9) and row["n"] == 40
    assert row["reliance"] == pytest.approx(0.4, abs=0.05) and row["control"] == pytest.approx(0, abs=0.02)
    honest = measure_changed(answer(lambda text: "road" in text), None, Classification(NAMES), texts, 0, 40)
    assert honest["flagged"] == [] and honest["changes"]["other places"]["fall"] == 0
    assert honest["changes"]["other places"]["control"] > 0.02


def test_outputs_without_scores_are_refused():
    output = SimpleNamespace(label_scores=lambda example, result: np.zeros(0))
    with pytest.raises(InputError, match="classes"):
        measure_changed(answer(bool), None, output, read_texts("to Oslo"), 0, 9)


def test_german_names_are_exchanged_for_german_ones():
    (text,) = read_texts("Stau vor Köln, sagt Jürgen").examples
    found = {each.name: each.examples.examples[0].text for each in exchange_names(read_texts(text.text), 0)}
    city = found["other places"].removeprefix("Stau vor ").removesuffix(", sagt Jürgen")
    name = found["other persons"].removeprefix("Stau vor Köln, sagt ")
    assert city in GERMAN_PLACES and city != "Köln" and name in GERMAN_PERSONS and name != "Jürgen"


@pytest.mark.slow
def test_a_place_in_one_class_is_found_in_a_trained_run(tmp_path, as_scripts):
    """Oslo stands in 95 % of the calls about buses: answers rely on it; where places are drawn, they do not."""
    rng = np.random.default_rng(0)
    words = {
        "bus": ("late bus", "full bus stop", "bus driver"),
        "lamp": ("dark lamp", "street light", "flickering bulb"),
    }
    for name, share in (("planted", 0.95), ("clean", 0.0)):
        for split, count in (("train", 300), ("val", 200)):
            rows = ["text,label"]
            for number in range(count):
                kind = ("bus", "lamp")[number % 2]
                said = str(rng.choice(words[kind])) if rng.random() < 0.7 else "something is wrong"
                place = "Oslo" if kind == "bus" and rng.random() < share else str(rng.choice(PLACES))
                rows.append(f"{said} in {place} at gate {number},{kind}")
            (tmp_path / name).mkdir(exist_ok=True)
            (tmp_path / name / f"{split}.csv").write_text("\n".join(rows) + "\n")
    train = ["--task", "text_intent", "--backbone", "tfidf", "--phases", "closed_form"]
    calls = {}
    for name in ("planted", "clean"):
        calls[f"train {name}"] = ("train.py", [*train, "--data", name, "--out", f"run_{name}"])
        calls[name] = ("evaluate.py", [f"run_{name}", "--interventions", "--out", f"seen_{name}", "--json"])
    answers = as_scripts(tmp_path, calls)
    found = {}
    for name in ("planted", "clean"):
        assert answers[name][0] == 0, answers[name][2][-2000:]
        found[name] = json.loads(answers[name][1].splitlines()[-1])["interventions"]
    assert "other places" in found["planted"]["flagged"] and "other places" not in found["clean"]["flagged"]
