"""Stand-ins for the slow commands of a cycle, with their flags, files and exit codes; others are the real ones.

`behavior.json` of the folder says what they do, by their names: {"drift": {"drift": false}, "train.py": {"sleep": 9}}.
"""

import argparse
import json
import runpy
import sys
import time
from pathlib import Path


def check(given, _):
    """Count files."""
    data = Path(given.words[1])
    count = sum(file.is_file() for file in data.rglob("*"))
    Path(given.out).write_text(json.dumps({"examples": count, "unit": "images"}))


def drift(given, behavior):
    """Find drift unless told otherwise."""
    Path(given.out).mkdir()
    found = {"drift": behavior.get("drift", True), "changed": ["darker"] * behavior.get("drift", True)}
    Path(given.out, "report.json").write_text(json.dumps(found))
    Path(given.out, "report.html").touch()


def select(given, _):
    """Copy the first examples."""
    out = Path(given.out)
    out.mkdir(parents=True)
    for file in sorted(Path(given.data).rglob("*.png"))[: int(given.most)]:
        (out / file.name).write_bytes(file.read_bytes())
    (out / "why.csv").touch()
    (out / "report.html").touch()


def train(given, behavior):
    """Write a checkpoint, sleep, then leave a run with its lineage."""
    out = Path(given.resume or given.out)
    out.mkdir(exist_ok=True)
    (out / "checkpoint.npz").touch()
    with (out / "starts.txt").open("a") as file:
        words = (given.continue_, given.data, given.with_data_of)
        file.write("resume\n" if given.resume else " ".join(filter(None, words)) + "\n")
    time.sleep(behavior.get("sleep", 0) if not given.resume else 0)
    (out / "model.keras").write_bytes(b"weights" + out.name.encode())
    lost = behavior.get("lost", [])
    row = {
        "this": 0.8,
        "before": 0.7,
        "difference": behavior.get("gain", 0.1),
        "interval": behavior.get("interval", [-0.1, 0.3]),
    }
    lineage = {"metric": "accuracy", "lost": lost, "rows": {out.name: row}}
    report = {"lineage": lineage, "spec": {"run": {"task": "vehicle_classify"}}}
    (out / "report.json").write_text(json.dumps(report))
    (out / "report.html").touch()
    return 1 if lost else 0


def export(given, behavior):
    """Write an exported folder, or one that ends in -refused."""
    out = Path(given.out + "-refused" if behavior.get("refused") else given.out)
    out.mkdir()
    (out / "model.onnx").write_bytes(b"onnx" + given.words[0].encode())
    (out / "preprocessing.json").write_text('{"task": "vehicle_classify"}')
    (out / "parity.json").write_text(json.dumps({"passed": not behavior.get("refused")}))
    return 1 if behavior.get("refused") else 0


PROGRAMS = {"update_check": check, "drift": drift, "select": select, "train.py": train, "export": export}


def main(words):
    """Run a stand-in, or the command itself."""
    if words[0] == "-m":
        name = words[2] if words[1] == "cityzoo" else words[1].split(".")[-1]
        words = words[3:] if words[1] == "cityzoo" else words[2:]
    else:
        name, words = Path(words[0]).name, words[1:]
    file = Path("behavior.json")
    behavior = json.loads(file.read_text()).get(name, {}) if file.is_file() else {}
    if "fail" in behavior:
        sys.stderr.write(f"{name}: error: {behavior['fail']}\n")
        return behavior.get("code", 2)
    if name not in PROGRAMS:
        sys.argv = ["cityzoo", name, *words]
        return runpy.run_module("cityzoo", run_name="__main__")
    parser = argparse.ArgumentParser()
    for flag in ("data", "out", "most", "resume", "with-data-of"):
        parser.add_argument(f"--{flag}")
    parser.add_argument("--continue", dest="continue_")
    given, others = parser.parse_known_args(words)
    given.words = [word for word in others if not word.startswith("--")]
    return PROGRAMS[name](given, behavior)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
