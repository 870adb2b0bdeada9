"""Flags out of a dataclass, errors in one line, exit codes."""

import logging
import os
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass
from types import SimpleNamespace

import pytest

from cityzoo import cli
from cityzoo.cli.values import parse_count, parse_size
from cityzoo.errors import InputError


@dataclass(frozen=True)
class Spec:
    """A small spec."""

    image_size: object = cli.flag("auto", "pixels", parse_size, "SIDE", separator="x")
    batch_size: int = cli.flag(16, "{unit} per step", parse_count, "N")
    augment: str = cli.flag("standard", "policy", choices=("none", "light", "standard"))
    find_lr: bool = cli.flag(False, "find the learning rate", was="lr_find")
    repeats: int = cli.flag(1, "how often", parse_count, "K", was="draws")
    robustness: object = cli.flag(None, "corruptions of N {unit}", parse_count, "N", const=100)


@dataclass(frozen=True)
class Codes:
    """A flag that takes numbers below 0."""

    missing: str = cli.flag("auto", "codes", metavar="CODES")


@pytest.fixture
def parser():
    """A parser with the flags of the small spec."""
    made = cli.Parser(prog="tool.py", allow_abbrev=False)
    cli.add_flags(made, cli.flag_fields(Spec), {"batch_size": 8, "image_size": (64, 96)}, {"unit": "windows"})
    return made


def refused(parser, capsys, *words):
    """Parse what must be refused and return the one line that was said."""
    with pytest.raises(SystemExit) as caught:
        parser.parse_args(words)
    said = capsys.readouterr()
    assert caught.value.code == 2
    assert said.out == ""
    assert said.err.count("\n") == 1 and said.err.endswith("(see tool.py --help)\n")
    assert said.err.startswith("tool.py: error: ")
    return said.err


def test_flags_are_fields_and_only_given_ones_are_in_the_namespace(parser):
    """Underscores become dashes; what is not given leaves room for defaults and config files."""
    assert vars(parser.parse_args([])) == {}
    given = parser.parse_args(["--image-size", "64x96", "--batch-size=2", "--augment", "none"])
    assert vars(given) == {"image_size": (64, 96), "batch_size": 2, "augment": "none"}


def test_a_flag_may_have_a_value_for_being_given_alone(parser):
    """--robustness is --robustness 100."""
    assert parser.parse_args(["--robustness"]).robustness == 100
    assert parser.parse_args(["--robustness", "7"]).robustness == 7


def test_a_value_may_begin_with_a_number_below_zero(parser):
    """argparse alone takes "-999,9999" for a flag."""
    cli.add_flags(parser, cli.flag_fields(Codes), {}, {})
    assert parser.parse_args(["--missing", "-999,9999", "--batch-size", "2"]).missing == "-999,9999"


def test_help_shows_the_default_in_force_and_the_words_of_the_task(parser):
    """8, not 16; zero and off are shown, nothing is not; old names are hidden."""
    page = " ".join(parser.format_help().split())
    assert "windows per step (default: 8)" in page and "pixels (default: 64x96)" in page
    assert "find the learning rate (default: off)" in page and "how often (default: 1)" in page
    assert "corruptions of N windows (default" not in page
    assert "lr-find" not in page and "draws" not in page and "{" not in page


@pytest.mark.parametrize(
    ("words", "value", "warned"),
    [
        (["--find-lr"], True, None),
        (["--no-find-lr"], False, None),
        (["--find-lr", "yes"], True, "--find-lr yes is now --find-lr;"),
        (["--find-lr", "no"], False, "--find-lr no is now --no-find-lr;"),
        (["--find-lr=no"], False, "--find-lr no is now --no-find-lr;"),
        (["--lr-find"], True, "--lr-find is now --find-lr;"),
        (["--no-lr-find"], False, "--no-lr-find is now --no-find-lr;"),
        (["--find-lr", "--no-find-lr"], False, None),
    ],
)
def test_switches_are_turned_on_and_off_and_their_old_forms_warn(parser, caplog, words, value, warned):
    """The last one given holds."""
    assert parser.parse_args(words).find_lr is value
    assert (warned in caplog.text) if warned else not caplog.text


def test_an_old_name_works_and_warns(parser, caplog):
    assert parser.parse_args(["--draws", "3"]).repeats == 3
    assert "--draws is now --repeats; the old name will be removed" in caplog.text


def test_a_flag_of_another_task_names_the_tasks_that_have_it(parser, capsys):
    parser.subject = "task 'count'"
    parser.find_tasks = lambda word: ["detect", "classify"] if word == "--neck-width" else []
    line = refused(parser, capsys, "--neck-width=3")
    assert "--neck-width does not apply to task 'count'; tasks that have it: detect, classify" in line
    assert "did you mean '--repeats'?" in refused(parser, capsys, "--repeat", "3")


def test_an_unknown_flag_gets_the_nearest_one(parser, capsys):
    """Also one that is only cut short."""
    assert "unknown flag '--batchsize': did you mean '--batch-size'?" in refused(
        parser, capsys, "--batchsize", "3"
    )
    assert "did you mean '--batch-size'?" in refused(parser, capsys, "--batch", "3")


def test_a_word_without_a_flag_is_named(parser, capsys):
    """A forgotten --data, for example."""
    assert "'images/' belongs to no flag" in refused(parser, capsys, "images/")


def test_a_value_out_of_the_choices_gets_the_nearest_one(parser, capsys):
    """With the flag that it was given to."""
    said = refused(parser, capsys, "--augment", "lite")
    assert "--augment" in said and "unknown value 'lite': did you mean 'light'?" in said


def test_a_value_that_cannot_be_read_comes_in_the_parsers_own_words(parser, capsys):
    """Not as "invalid convert value"; a per cent sign stays one."""
    assert "image size '3 %' is not understood: give one side" in refused(
        parser, capsys, "--image-size", "3 %"
    )
    assert "'0' is not a count" in refused(parser, capsys, "--batch-size", "0")


@pytest.fixture
def as_it_was():
    """Undo what `cli.run` sets up in logging."""
    root, levels = logging.getLogger(), {}
    handlers, level = root.handlers[:], root.level
    for name in ("absl", "tensorflow", "matplotlib", "PIL", "h5py"):
        levels[name] = logging.getLogger(name).level
    yield
    root.handlers[:], root.level = handlers, level
    for name, before in levels.items():
        logging.getLogger(name).setLevel(before)


def raising(error):
    """A main that raises."""

    def main(arguments):
        raise error

    return main


def test_what_the_user_can_mend_is_one_line_and_code_2(capsys, as_it_was):
    """No traceback."""
    assert cli.run(raising(InputError("'x' does not exist: give a folder")), [], "tool.py") == 2
    assert capsys.readouterr().err == "tool.py: error: 'x' does not exist: give a folder\n"


def test_an_interruption_is_one_line_and_code_2(capsys, as_it_was):
    """Ctrl-C while images are read or TensorFlow loads."""
    assert cli.run(raising(KeyboardInterrupt()), [], "tool.py") == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and said.startswith("tool.py: ") and "interrupted" in said


def test_sigterm_is_handled_as_ctrl_c_is(capsys, as_it_was):
    """Schedulers end jobs so."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        code = cli.run(lambda arguments: signal.raise_signal(signal.SIGTERM), [], "tool.py")
    finally:
        signal.signal(signal.SIGTERM, before)
    assert code == 2 and capsys.readouterr().err == "tool.py: interrupted\n"


@pytest.mark.parametrize(
    "error", [OSError(28, "No space left on device", "a.npz"), RuntimeError("write failed: File too large")]
)
def test_a_full_disk_or_a_limit_of_file_sizes_is_one_line(capsys, as_it_was, error):
    """Whichever library says so."""
    assert cli.run(raising(error), [], "tool.py") == 2
    said = capsys.readouterr().err
    assert (
        said.startswith("tool.py: error: cannot write")
        and said.count("\n") == 1
        and "free some space" in said
    )


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("OOM when allocating tensor with shape[9,9]")])
def test_memory_that_runs_out_is_one_line(capsys, as_it_was, error):
    """Of Python or of the device."""
    assert cli.run(raising(error), [], "tool.py") == 2
    said = capsys.readouterr().err
    assert (
        said.startswith("tool.py: error: out of memory") and said.count("\n") == 1 and "--batch-size" in said
    )


def test_a_defect_of_ours_keeps_its_traceback(as_it_was):
    """A ValueError that is no InputError is nothing the user did."""
    with pytest.raises(ValueError, match="ours"):
        cli.run(raising(ValueError("ours")), [], "tool.py")


def test_the_arguments_and_the_exit_code_pass_through(as_it_was):
    """What main returns is what the shell gets."""
    assert cli.run(lambda arguments: len(arguments), ["a", "b", "c"], "tool.py") == 3


def test_start_up_lines_are_kept_back(capfd):
    """Written to the descriptor itself, as TensorFlow's C++ does."""
    with cli.quiet_start():
        os.write(2, b"oneDNN custom operations are on\n")
    os.write(2, b"ours\n")
    assert capfd.readouterr().err == "ours\n"


def test_start_up_lines_come_out_when_loading_fails(capfd):
    """They may say why."""
    with pytest.raises(ImportError), cli.quiet_start():
        os.write(2, b"libcuda is missing\n")
        raise ImportError("no")
    assert capfd.readouterr().err == "libcuda is missing\n"


def test_messages_hold_no_control_characters_and_no_endless_lines(capsys):
    """A class name of the data cannot color the terminal, nor a list of names fill it."""

    def main(arguments):
        raise InputError(f"unknown class '\x1b[31mred\n' among {'names, ' * 1000}: correct it")

    assert cli.run(main, [], "train.py") == 2
    shown = capsys.readouterr().err
    assert "\\x1b[31mred\\n" in shown
    assert "\x1b" not in shown
    assert shown.count("\n") == 1
    assert len(shown) < 1050
    assert shown.endswith("correct it\n")
    record = logging.LogRecord("x", logging.INFO, "x", 1, "data:\n  \x1b[31mred %s", ("n" * 5000,), None)
    lines = cli.MessageFormatter("%(message)s").format(record).split("\n")
    assert lines[0] == "data:"
    assert lines[1].startswith("  \\x1b[31mred n")
    assert len(lines[1]) <= 1000


INTERRUPTED = """
import os, signal, sys, time

signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where a shell started the tests in the background
from cityzoo import cli

class Slow:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGINT)
        for _ in range(1000):  # the interrupt comes in here, where Python drops it
            pass

def main(arguments):
    slow = Slow()
    del slow
    time.sleep(20)
    return 0

sys.exit(cli.run(main, [], "a command"))
"""


def test_an_interrupt_that_comes_again_too_early_is_sent_once_more(monkeypatch):
    """While the timer is being started, as on a busy machine."""
    started = []

    class Timer:
        def __init__(self, seconds, send, arguments):
            self.send, self.arguments = send, arguments

        def start(self):
            started.append(self.arguments)
            if len(started) == 1:
                raise KeyboardInterrupt

    monkeypatch.setattr(threading, "Timer", Timer)
    cli.repeat_interrupt(SimpleNamespace(exc_type=KeyboardInterrupt))
    assert started == [(threading.main_thread().ident, signal.SIGTERM)] * 2


def test_an_interrupt_within_a_finalizer_ends_the_command():
    """Python drops exceptions there."""
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED], capture_output=True, text=True, timeout=15, check=False
    )
    assert (done.returncode, done.stderr) == (2, "a command: interrupted\n")
