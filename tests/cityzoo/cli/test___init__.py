"""Flags out of a dataclass, errors in one line, exit codes."""

import logging
import os
from dataclasses import dataclass

import pytest

from cityzoo import cli
from cityzoo.cli.values import parse_count, parse_size
from cityzoo.errors import InputError
from cityzoo.spec import flag


@dataclass(frozen=True)
class Spec:
    """A small spec."""

    image_size: object = flag("auto", "pixels", parse_size, "SIDE")
    batch_size: int = flag(16, "images", parse_count, "N")
    augment: str = flag("standard", "policy", choices=("none", "light", "standard"))


@pytest.fixture
def parser():
    """A parser with the flags of the small spec."""
    made = cli.Parser(prog="tool.py", allow_abbrev=False)
    cli.add_flags(made, cli.flag_fields(Spec), {"batch_size": 8})
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


def test_flags_are_fields_and_defaults_can_be_replaced(parser):
    """Underscores become dashes; the task's default wins over the dataclass's, the user's over both."""
    assert vars(parser.parse_args([])) == {"image_size": "auto", "batch_size": 8, "augment": "standard"}
    given = parser.parse_args(["--image-size", "64x96", "--batch-size=2", "--augment", "none"])
    assert (given.image_size, given.batch_size, given.augment) == ((64, 96), 2, "none")


def test_help_shows_the_default_in_force(parser):
    """8, not 16."""
    assert "images (default: 8)" in parser.format_help()


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
