"""The command as it is run: without TensorFlow at the time of a question."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from cityzoo.commands.answer import main
from tests.cityzoo.answer.conftest import ROWS, write_encoder

ROOT = Path(__file__).resolve().parents[3]
SCRIPT = """
import sys
from cityzoo import cli
from cityzoo.commands.answer import main
code = cli.run(main, sys.argv[1:], "answer")
heavy = {"tensorflow", "keras", "pandas", "sklearn", "scipy", "matplotlib", "yaml"} & set(sys.modules)
sys.exit(code or (f"loaded: {heavy}" if heavy else 0))
"""


@pytest.fixture
def faq(tmp_path, monkeypatch):
    """The FAQ as a CSV file, and a cache of its own."""
    monkeypatch.setenv("CITYZOO_HOME", str(tmp_path / "home"))
    lines = ["question,answer,id,source", *(",".join(row) for row in ROWS)]
    (tmp_path / "faq.csv").write_text("\n".join(lines))
    return tmp_path / "faq.csv"


def run(*arguments, given=b""):
    """Return exit code, standard output and error of a process of its own."""
    command = [sys.executable, "-c", SCRIPT, *map(str, arguments)]
    ran = subprocess.run(command, cwd=ROOT, input=given, capture_output=True, check=False)
    return ran.returncode, ran.stdout.decode(), ran.stderr.decode()


def test_questions_of_the_standard_input_by_an_exported_encoder(faq, tmp_path):
    folder = write_encoder(tmp_path / "encoder")
    given = (
        "rubbish\n\nPermit?\nf\xfcr visitors\n".encode("cp1252")
        + b"x" * 3000
        + b"\nbooks \xe2\x80\x8f\xf0\x9f\x93\x9a\n"
    )
    code, out, said = run("--faq", faq, "--encoder", folder, "--contact", "Call 115", given=given)
    assert code == 0, said
    lines = out.splitlines()
    assert lines[:2] == ["On the first Monday.", "  source: faq.csv:2 Waste"]
    assert "Do you mean A) How do I get a permit for" in lines[2]
    assert lines[3:5] == ["At any machine.", "  source: faq.csv:4 Traffic"]
    assert "3000 characters" in lines[5]
    assert lines[6:] == ["From 9 to 5.", "  source: faq.csv:5 Culture"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--ask", ""], "empty question"),
        (["--ask", "a", "--encoder", "nowhere"], "minilm"),
        (["--ask", "a", "--question-column", "frage"], "frage"),
        (["--questions", "none.csv"], "does not exist"),
        (["--questions", "none.csv", "--wrong-at-most", "5"], "at most 1"),
    ],
)
def test_what_is_wrong_is_one_line(faq, arguments, said, capsys):
    from cityzoo import cli

    arguments = ["--faq", str(faq), *arguments]
    try:
        code = cli.run(
            main, arguments if "--encoder" in arguments else [*arguments, "--encoder", "none"], "answer"
        )
    except SystemExit as left:
        code = left.code
    last = capsys.readouterr().err.splitlines()[-1]
    assert code == 2 and said in last


def test_calibrating_writes_the_report_and_the_threshold_is_used_afterwards(faq, tmp_path, capsys):
    rows = [f"thing{number},answer {number},k{number},s" for number in range(40)]
    faq.write_text("\n".join(["question,answer,id,source", *rows]))
    asked = [f"thing{number} please,k{number}" for number in range(40)] + [
        f"other{number}," for number in range(40)
    ]
    (tmp_path / "asked.csv").write_text("\n".join(["question,expected", *asked]))
    own = ["--faq", str(faq), "--encoder", "none"]
    assert main([*own, "--questions", str(tmp_path / "asked.csv"), "--out", str(tmp_path / "out")]) == 0
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert (report["hits_1"], report["wrong"], report["n_questions"]) == (1.0, 0.0, 40)
    assert "Outside questions that were not answered: 100.0 %" in capsys.readouterr().out
    log = tmp_path / "log.jsonl"
    assert main([*own, "--ask", "thing7 please", "--ask", "weather", "--json", "--log", str(log)]) == 0
    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert first["text"] == "answer 7" and first["probability"] >= report["threshold"]
    assert second["kind"] == "unknown" and second["probability"] < 0.5
    assert [json.loads(line)["kind"] for line in log.read_text().splitlines()] == ["answer", "unknown"]
    # No threshold keeps the wrong ones below 0.1 % of 40 questions: the one from before stays.
    again = ["--questions", str(tmp_path / "asked.csv"), "--out", str(tmp_path / "again")]
    assert main([*own, *again, "--wrong-at-most", "0.001", "--ask", "thing7 please", "--json"]) == 0
    assert json.loads((tmp_path / "again" / "report.json").read_text())["threshold"] == 1
    assert json.loads(capsys.readouterr().out.splitlines()[-1]) == first


def test_the_demo_faq_tries_itself(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("CITYZOO_HOME", str(tmp_path / "home"))
    assert (
        main(["--faq", "demo", "--encoder", "none", "--out", str(tmp_path / "out"), "--wrong-at-most", "0.3"])
        == 0
    )
    assert "written" in capsys.readouterr().out
    assert "Methods" in (tmp_path / "out" / "report.html").read_text()
