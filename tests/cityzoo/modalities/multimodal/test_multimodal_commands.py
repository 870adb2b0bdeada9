"""Fusion as commands: training, evaluation, an earlier run as encoder, what modalities are worth, and bad input."""

import json
import shutil

import pytest

from tests.cityzoo.multimodal_town import write_rows

FUSE = ["--task", "incident_fusion", "--data", "town"]
HASHED = ["--encoders", "text=hashing"]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A town whose label needs both modalities, the same with cells missing, texts alone."""
    folder = tmp_path_factory.mktemp("fusion")
    write_rows(folder / "town", [("train", 160), ("val", 80)])
    write_rows(folder / "gaps", [("val", 80)], empty=0.3, seed=1)
    lines = (folder / "town" / "train.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    said = [f"{row['text']},{'bad' if 'accident' in row['text'] else 'good'}" for row in rows[:60]]
    (folder / "calls.csv").write_text("text,label\n" + "\n".join(said) + "\n")
    (folder / "new.csv").write_text("text\naccident near the bridge\nall roads are clear\n")
    (folder / "calls.wav.csv").write_text("sound\ngone.wav\n")
    (folder / "empty.csv").write_text("image,text,label\ngone.jpg,a,x\ngone.jpg,b,y\n")
    (folder / "one.csv").write_text("text,label,split\na,x,train\nb,y,train\nc,x,val\n")
    return folder


@pytest.fixture(scope="module")
def answers(place, as_scripts):
    """Exit code, output and errors of the commands that train."""
    text = ["--task", "text_intent", "--data", "calls.csv", "--backbone", "tfidf", "--phases", "closed_form"]
    fuse = [*FUSE, "--encoders", "text=texts", "--fusion", "concat", "--out", "of_run", "--epochs", "2"]
    return as_scripts(
        place,
        {
            "train": ("train.py", [*FUSE, *HASHED, "--out", "run", "--epochs", "14", "--batch-size", "16"]),
            "late": ("train.py", [*FUSE, *HASHED, "--fusion", "late", "--out", "late"]),
            "evaluate": ("evaluate.py", ["run", "--data", "gaps", "--out", "seen", "--json"]),
            "predict": ("evaluate.py", ["run", "--predict", "new.csv", "--out", "new"]),
            "lacking": ("evaluate.py", ["run", "--data", "calls.csv", "--out", "none"]),
            "strange": ("evaluate.py", ["run", "--predict", "calls.wav.csv", "--out", "none"]),
            "export": ("cityzoo/__main__.py", ["export", "run", "--out", "exported"]),
            "texts": ("train.py", [*text, "--out", "texts"]),
            "encoder": ("train.py", fuse),
            "series": ("train.py", [*FUSE, "--encoders", "sensor=texts"]),
            "wrong run": ("train.py", [*FUSE, "--encoders", "text=run"]),
        },
    )


@pytest.fixture(scope="module")
def refusals(place, as_scripts):
    """Exit code, output and errors of the commands that stop at once."""
    other = ["--task", "incident_fusion", "--data"]
    return as_scripts(
        place,
        {
            "no run": ("train.py", [*FUSE, "--encoders", "text=runs/gone"]),
            "no column": ("train.py", [*FUSE, "--encoders", "image=mobilenet_v2"]),
            "no modality": ("train.py", [*FUSE, "--encoders", "smell=hashing"]),
            "empty": ("train.py", [*other, "empty.csv"]),
            "alone": ("train.py", [*other, "one.csv"]),
        },
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", ["train", "late", "evaluate", "texts", "encoder"])
def test_commands_work(answers, name):
    code, _, err = answers[name]
    assert code == 0, err[-3000:]


@pytest.mark.slow
def test_the_label_needs_both(answers, place):
    """Together nearly always right; each alone, and late fusion, no better than a coin. Gates are shares."""
    report = json.loads((place / "run" / "report.json").read_text())
    found = report["modalities"]
    value = {name: row["value"] for name, row in found["patterns"].items()}
    assert value["all"] == report["balanced_accuracy"] >= 0.95
    assert list(value) == ["all", "text alone", "sensor alone"]
    assert value["text alone"] <= 0.65 and value["sensor alone"] <= 0.65
    late = report["baselines"]["late fusion: mean of calibrated classifiers"]
    assert late["balanced_accuracy"] <= 0.65 and late["lead_interval"][0] > 0.2
    assert (
        found["patterns"]["all"]["change"] == 0
        and found["patterns"]["text alone"]["change_interval"][1] < -0.2
    )
    assert sum(found["gates"].values()) == pytest.approx(1, abs=1e-4) and min(found["gates"].values()) > 0.2
    assert "What each modality is worth" in (place / "run" / "report.html").read_text()


@pytest.mark.slow
def test_late_fusion_is_its_own_baseline(answers, place):
    """The trained run of late fusion and the baseline of every run are the same thing."""
    report = json.loads((place / "late" / "report.json").read_text())
    baseline = report["baselines"]["late fusion: mean of calibrated classifiers"]
    assert report["balanced_accuracy"] == pytest.approx(baseline["balanced_accuracy"], abs=0.03)
    assert report["modalities"]["gates"] is None


@pytest.mark.slow
def test_missing_cells_are_slices(answers):
    """Where nothing is missing the model is right; metrics of the others are apart."""
    report = json.loads(answers["evaluate"][1].splitlines()[-1])
    slices = report["slices"]["missing"]
    assert set(slices) >= {"nothing", "text", "sensor"} and report["n_rows"] < 80
    assert slices["nothing"]["balanced_accuracy"] >= 0.9 > slices["text"]["balanced_accuracy"]
    assert report["findings"]["findings"]["empty"]["count"] + report["n_rows"] == 80


@pytest.mark.slow
def test_a_run_is_an_encoder(answers, place):
    """Of texts; not of windows, nor a run of another kind."""
    for name, said in (("series", "statistics"), ("wrong run", "give another run")):
        assert answers[name][0] == 2 and said in answers[name][2].strip().splitlines()[-1]
    known = json.loads((place / "of_run" / "encoders.json").read_text())
    assert known["text"]["encoder"] == "texts" and known["sensor"] == {
        "encoder": "statistics",
        "digest": "statistics-1",
        "size": 6,
    }


MISTAKES = {
    "no run": ("is not a run folder", "--encoders text=runs/gone"),
    "no column": ("the data has text, sensor", "image"),
    "no modality": ("smell", "sensor"),
    "empty": ("the column image is empty in all 2 rows", "2 files missing"),
    "alone": ("nothing to fuse", "text"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_are_one_line(refusals, name):
    code, _, err = refusals[name]
    last = err.strip().splitlines()[-1]
    assert code == 2 and "Traceback" not in err, err[-2000:]
    assert all(part in last for part in MISTAKES[name]), last


@pytest.mark.slow
def test_rows_without_labels_and_columns_are_predicted(answers, place):
    """Two texts, and no sensors at all; a table without anything to use is refused in one line."""
    assert answers["predict"][0] == 0, answers["predict"][2][-2000:]
    found = json.loads((place / "new" / "predictions.json").read_text())
    assert list(found) == ["new.csv:2", "new.csv:3"]
    assert all(sum(row.values()) == pytest.approx(1, abs=1e-3) for row in found.values())
    for name, said in (("strange", "no rows that can be used"), ("lacking", "has sensor")):
        code, _, err = answers[name]
        assert code == 2 and said in err.strip().splitlines()[-1]


@pytest.mark.slow
def test_the_network_behind_the_encoders_is_exported(answers, place):
    assert answers["export"][0] == 0, answers["export"][2][-2000:]
    about = json.loads((place / "exported" / "preprocessing.json").read_text())
    assert about["inputs"][0]["shape"][-1] == 512 + 6 + 2
    assert (place / "exported" / "encoders.json").is_file()


CHANGES = {"size": (7, "gives 512 features"), "digest": ("other", "has other weights")}


@pytest.mark.slow
@pytest.mark.parametrize("key", CHANGES)
def test_another_encoder_is_refused(answers, place, key):
    """What the run says of its encoder is changed: as if the encoder were another one now."""
    value, said = CHANGES[key]
    run = place / f"run_{key}"
    shutil.copytree(place / "run", run)
    known = json.loads((run / "encoders.json").read_text())
    known["text"][key] = value
    (run / "encoders.json").write_text(json.dumps(known))
    from cityzoo.errors import InputError
    from cityzoo.modalities.multimodal import MULTIMODAL
    from cityzoo.spec_file import read_spec
    from cityzoo.tasks import find

    spec = read_spec(run / "spec.json")
    flags = {"data": str(place / "town"), "split": "val", "limit": None, "parts": ()}
    examples, _ = MULTIMODAL.read_to_evaluate(spec, find("incident_fusion"), ("even", "odd"), flags)
    with pytest.raises(InputError, match=said):
        MULTIMODAL.check_manifest(run, examples)
