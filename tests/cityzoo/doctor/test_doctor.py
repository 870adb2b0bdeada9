"""The command doctor: a real check in a home that cannot be written, and its parts with planted faults."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cityzoo.__main__ import main
from cityzoo.doctor import caches, diagnosis, known_bad, machine, probe, requirements
from cityzoo.fit.feature_cache import locked

ROOT = Path(__file__).resolve().parents[3]
DEVICES = {
    "backend": "tensorflow",
    "image_data_format": "channels_last",
    "gpus": [],
    "cores": 2,
    "usable_cores": 2,
}
VARIABLES = ("KERAS_HOME", "CITYZOO_HOME", "KERAS_BACKEND", "TF_CONFIG")


@pytest.fixture
def unmeasured(monkeypatch):
    """Without the process that measures; return a function that sets what it found."""

    def found(measured, failure=None):
        monkeypatch.setattr(probe, "run_probe", lambda: (measured, failure))

    found({"devices": DEVICES})
    return found


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home of its own."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "ann"))
    monkeypatch.setattr(diagnosis, "_user", lambda: "ann")
    return tmp_path / "ann"


def plant_package(folder, name, version):
    """As pip leaves it, without code."""
    about = folder / f"{name}-{version}.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")


def test_a_home_that_cannot_be_written_and_a_planted_combination(tmp_path):
    """The real command: measured values, code 1 for the planted package alone, nothing personal or written."""
    plant_package(tmp_path / "site", "motmetrics", "1.4.0")
    home = tmp_path / "ann"
    home.mkdir()
    home.chmod(0o555)
    if os.access(home, os.W_OK):  # root may write everywhere but here
        home = Path("/proc")
    paths = os.pathsep.join([str(ROOT), str(tmp_path / "site")])
    kept = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    environment = {**kept, "HOME": str(home), "PYTHONPATH": paths}
    command = [sys.executable, "-m", "cityzoo", "doctor", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=tmp_path, timeout=600)
    assert done.returncode == 1 and "Traceback" not in done.stderr, done.stderr
    found = json.loads(done.stdout)
    failing = [each for each in found["problems"] if each["fails"]]
    assert [each["what"].split(" with")[0] for each in failing] == ["motmetrics 1.4.0"]
    assert "trackeval" in failing[0]["remedy"]
    assert found["devices"]["usable_cores"] >= 1
    assert min(found["speed"].values()) > 0
    assert found["auto"]["batch_size"] == 16 or found["devices"]["gpus"]
    assert found["packages"]["numpy"]["state"] == "installed"
    assert str(tmp_path) not in done.stdout and os.uname().nodename not in done.stdout
    assert list(tmp_path.glob("ann/*")) == []


def test_text_says_the_same(home, unmeasured, capsys):
    """One line per package; what is missing has its pip line; no absolute path of the home."""
    unmeasured({"devices": DEVICES, "speed": None})
    (home / ".keras/models").mkdir(parents=True)
    (home / ".keras/models/mobilenet_7_5_224_tf_no_top.h5").touch()
    code = main(["doctor"])
    page = capsys.readouterr().out
    failing = [line for line in page.splitlines() if line.startswith("PROBLEM")]
    assert code == bool(failing)
    assert "~/.cache/cityzoo/features" in page and str(home) not in page
    assert "image  mobilenet_075\n" in page and "numpy" in page and page.splitlines()[-1].endswith("found")


def test_tensorflow_that_does_not_load_is_a_problem(home, unmeasured, capsys):
    """Everything else is still shown; the error's own paths are shortened."""
    unmeasured({}, f"ImportError: {home}/venv/lib/libfoo.so: cannot open, asked by ann")
    assert main(["doctor", "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["problems"][0]["reason"] == "ImportError: ~/venv/lib/libfoo.so: cannot open, asked by USER"
    assert main(["doctor"]) == 1
    assert "PROBLEM: Keras with tensorflow" in capsys.readouterr().out
    (home / ".keras").mkdir(parents=True)
    (home / ".keras/keras.json").write_text('{"backend": "jax"}')
    assert diagnosis._broken_backend("no jax")["remedy"].endswith('[jax]"')


def test_a_probe_that_dies_keeps_what_it_found(monkeypatch):
    """As TensorFlow does on a processor without AVX."""
    killed = subprocess.CompletedProcess([], -4, '{"devices": {"cores": 2}}\n', "")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: killed)
    assert probe.run_probe() == ({"devices": {"cores": 2}}, "ended by signal 4")

    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(subprocess, "run", refuse)
    assert probe.run_probe() == ({}, "no process can be started (Permission denied)")


@pytest.mark.parametrize(
    ("variables", "devices", "words"),
    [
        ({"TF_ENABLE_ONEDNN_OPTS": "0"}, {}, {"oneDNN is switched off"}),
        ({"KERAS_BACKEND": "torch"}, {}, {"Keras backend is neither tensorflow nor jax"}),
        ({}, {"image_data_format": "channels_first"}, {"Keras images are channels_first"}),
        (
            {"TF_CONFIG": '{"cluster": {"worker": ["a:1", "b:1"]}}'},
            {},
            {"TF_CONFIG names several workers"},
        ),
        ({"TF_CONFIG": "not JSON"}, {}, set()),
    ],
)
def test_settings_have_words_that_the_table_knows(variables, devices, words):
    """Each word is in the table, with a reason and a remedy."""
    features = dict.fromkeys(machine.FEATURES, True)
    variables = {"CUDA_VISIBLE_DEVICES": "-1", "KERAS_HOME": "/nowhere", **variables}
    assert machine.describe_setting(features, {**DEVICES, **devices}, variables) == words
    found = known_bad.find_known_bad({}, words)
    assert len(found) == len(words) and all(each.reason and each.remedy for _, each in found)


def test_every_word_of_the_table_is_one_of_a_machine():
    """A word that no machine has would never be found."""
    none = dict.fromkeys(machine.FEATURES, False)
    variables = {
        "KERAS_BACKEND": "torch",
        "TF_ENABLE_ONEDNN_OPTS": "0",
        "TF_CONFIG": '{"cluster": {"worker": ["a"], "chief": ["b"]}}',
    }
    devices = {**DEVICES, "image_data_format": "channels_first"}
    said = machine.describe_setting(none, devices, variables)
    words = {word for each in known_bad.KNOWN_BAD for word in each.where}
    assert words - said <= {"a GPU that TensorFlow does not see"}


def test_the_requirement_list_is_read_whole(tmp_path):
    """A clone's setup.cfg: versions, extras, markers and comments; missing and other versions are told apart."""
    (tmp_path / "setup.cfg").write_text(
        "[options]\ninstall_requires =\n    numpy>=2.0,<3  # why\n    tzdata; platform_system=='Nowhere'\n"
        "    gone>=1\n[options.extras_require]\nold =\n    pillow>=99\nnew =\n    pyyaml\n"
    )
    states = requirements.package_states({"numpy": "2.4.6", "pillow": "13.0.0", "pyyaml": "6"}, tmp_path)
    assert [(each.name, each.wanted, each.state) for each in states] == [
        ("numpy", ">=2.0,<3", "installed"),
        ("gone", ">=1", "missing"),
        ("pillow", ">=99", "other version"),
        ("pyyaml", "", "installed"),
    ]
    extras = requirements.summarize_extras(states, tmp_path)
    assert extras["new"] == {"missing": [], "install": None}
    assert extras["old"]["missing"] == ["pillow>=99 (is 13.0.0)"]
    assert extras["old"]["install"] == 'pip install -e ".[old]"'
    assert [each["what"] for each in diagnosis._broken_requirements(states)] == ["gone is missing"]


def test_names_of_keys_stay_though_the_user_has_one(home, monkeypatch):
    """A user called features, and a machine called word."""
    monkeypatch.setattr(diagnosis, "_user", lambda: "features")
    monkeypatch.setattr(diagnosis.socket, "gethostname", lambda: "word")
    found = {"features": ["features at word", f"{home}/x", f"{home}bel/x", "words"]}
    assert diagnosis.anonymize(found) == {"features": ["USER at HOST", "~/x", "x", "words"]}


def test_clean_empties_caches_but_never_runs(home, capsys):
    """Sizes by hand; weights only by name; a run, what is in use, and what is not cityzoo's stay."""
    cache, weights = home / ".cache/cityzoo", home / ".keras/models"
    for file, size in (
        (cache / "features/made/a.npy", 1500),
        (cache / "features/mine/spec.json", 10),
        (cache / "demo/one/0.jpg", 500),
        (cache / "runs/a/model.keras", 7),
        (weights / "mobilenet_7_5_224_tf_no_top.h5", 4),
        (weights / "other.h5", 4),
    ):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"x" * size)
    outside = home / "pictures"
    outside.mkdir()
    (outside / "1.jpg").write_bytes(b"x" * 9000)
    (cache / "demo/link").symlink_to(outside)
    holder = subprocess.Popen(
        [
            *(sys.executable, "-c"),
            "import fcntl, sys; f = open(sys.argv[1], 'w'); fcntl.flock(f, fcntl.LOCK_EX); print(flush=True); input()",
            str((cache / "features/busy").mkdir() or cache / "features/busy/.lock"),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    holder.stdout.readline()
    with locked(cache / "features/made"):
        pass
    assert main(["doctor", "--clean"]) == 0
    page = capsys.readouterr().out
    holder.communicate(b"\n")
    assert "kept (a run is in it): ~/.cache/cityzoo/features/mine" in page
    assert "kept (in use): ~/.cache/cityzoo/features/busy" in page
    assert "removed: ~/.cache/cityzoo/features/made, 1.5 kB" in page
    assert not (cache / "features/made").exists() and not (cache / "demo/one").exists()
    assert (cache / "runs/a/model.keras").exists() and (outside / "1.jpg").exists()
    assert len(list(weights.iterdir())) == 2
    assert main(["doctor", "--clean", "weights", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["removed_bytes"] == 4
    assert [file.name for file in weights.iterdir()] == ["other.h5"]
    assert caches.measure_caches()["demo"]["entries"] == 0


def test_a_cache_that_does_not_exist_is_refused(home, capfd):
    """With the names of those that do."""
    command = [sys.executable, "-m", "cityzoo", "doctor", "--clean", "feature"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=120)
    assert done.returncode == 2 and "'features'" in done.stderr and "Traceback" not in done.stderr


def test_a_home_without_rights_is_a_line(home, monkeypatch):
    """No traceback: the reason stands where the size would."""
    home.mkdir()
    (home / ".cache").write_text("a file where a folder should be")

    def refuse(_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(caches, "entries", refuse)
    assert caches.measure_caches()["features"]["unreadable"] == "Permission denied"
    assert [each.kept for each in caches.clean(["demo"])] == ["Permission denied"]
