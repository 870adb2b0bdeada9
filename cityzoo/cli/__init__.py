"""The command line: flags made from a dataclass, errors in one line."""

from __future__ import annotations

import argparse
import logging
import os
import re
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from cityzoo.cli.flags import (
    Switch,
    add_flags,
    argparse_type,
    flag,
    flag_fields,
    flag_name,
    flag_names,
    warn_renamed,
)
from cityzoo.errors import InputError, disk_full, escape_control, is_out_of_memory, shorten, unknown

__all__ = [
    "HelpFormatter",
    "Parser",
    "add_flags",
    "argparse_type",
    "flag",
    "flag_fields",
    "flag_name",
    "flag_names",
]
__all__ += ["MessageFormatter", "quiet_start", "run", "start_backend"]


class HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """Keep the examples' lines as they are and leave room for long flags."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=34, width=110)


class Parser(argparse.ArgumentParser):
    """Parse flags; an error is one line that names the nearest match, exit code 2."""

    subject: str = ""  # what the flags are of, such as "task 'traffic_flow'"
    # returns the tasks that have a flag which this parser lacks
    find_tasks: Callable[[str], Sequence[str]] | None = None

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **{"formatter_class": HelpFormatter, **options})

    def error(self, message: str) -> None:
        """Print the error and where help is, and leave."""
        unrecognized = "unrecognized arguments: "
        if message.startswith(unrecognized):
            word = message[len(unrecognized) :].split()[0]
            message = (
                self.explain_unknown(word.partition("=")[0])
                if word.startswith("-")
                else (f"'{word}' belongs to no flag")
            )
        message = shorten(escape_control(message))
        self.exit(2, f"{self.prog}: error: {message} (see {self.prog} --help)\n")

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse flags; a value may begin with a number below 0, as in `--missing -999,9999`.

        `--name yes|no` of earlier versions is read as `--name` or `--no-name`.
        """
        switches = {f for a in self._actions if isinstance(a, Switch) for f in a.option_strings}
        words: list[str] = []
        for word in sys.argv[1:] if args is None else args:
            name, sign, value = word.partition("=")
            if name in switches and sign:
                words.append(name)
                word = value
            if word in ("yes", "no") and words and words[-1] in switches:
                old = words.pop()
                words.append(old if word == "yes" else old.replace("--", "--no-", 1))
                warn_renamed(f"{old} {word}", words[-1])
            elif re.match(r"-\.?\d", word) and words and words[-1].startswith("--"):
                words[-1] += f"={word}"
            else:
                words.append(word)
        return super().parse_known_args(words, namespace)

    @property
    def flag_strings(self) -> list[str]:
        """Return all flags, earlier names included."""
        return [name for action in self._actions for name in action.option_strings]

    def explain_unknown(self, word: str) -> str:
        """Return the error message for a flag that does not exist here: the tasks that have it, or the nearest name."""
        having = self.find_tasks(word) if self.find_tasks else ()
        if having:
            return f"{word} does not apply to {self.subject}; tasks that have it: {', '.join(having)}"
        shown = [action for action in self._actions if action.help != argparse.SUPPRESS]
        return str(unknown("flag", word, [name for action in shown for name in action.option_strings]))


@contextmanager
def quiet_start() -> Iterator[None]:
    """Load TensorFlow without the dozen lines that it writes before its own log levels apply.

    What is written to the standard error stream meanwhile comes out again if loading fails.
    """
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as aside:
        os.dup2(aside.fileno(), 2)
        try:
            yield
        except BaseException:
            aside.seek(0)
            os.write(kept, aside.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)


@contextmanager
def start_backend() -> Iterator[None]:
    """Import quietly what a command computes with, then set up Keras' backend."""
    with quiet_start():
        yield
        from cityzoo import backend

        backend.prepare()


class MessageFormatter(logging.Formatter):
    """Escape control characters in messages and bound their lines, whatever the data contains."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the message; its own line ends are kept."""
        return "\n".join(map(shorten, escape_control(super().format(record), kept="\n\t").split("\n")))


def repeat_interrupt(found: sys.UnraisableHookArgs) -> None:
    """Send Ctrl-C again where it came while an object was being deleted: Python drops exceptions there."""
    # A little later, when the object is gone; to the main thread, because a signal that another thread happens to
    # receive does not wake it from a system call.
    if found.exc_type is not KeyboardInterrupt:
        sys.__unraisablehook__(found)
        return
    # SIGTERM raises the same, and is not ignored where a shell started the command in the background.
    again: tuple[Any, ...] = (os.kill, (os.getpid(), signal.SIGINT))
    if hasattr(signal, "pthread_kill"):
        again = signal.pthread_kill, (threading.main_thread().ident, signal.SIGTERM)
    while True:
        try:
            threading.Timer(0.05, *again).start()
            return
        except (
            KeyboardInterrupt
        ):  # on a busy machine it comes before start() is back, and is dropped here, too
            continue


def run(main: Callable[[Sequence[str]], int], arguments: Sequence[str], prog: str) -> int:
    """Call a command's main and turn what the user can fix into one line and exit code 2."""
    logging.basicConfig(format="%(message)s", level=logging.INFO, stream=sys.stderr)
    for handler in logging.getLogger().handlers:
        handler.setFormatter(MessageFormatter("%(message)s"))
    for noisy in ("absl", "jax", "tensorflow", "matplotlib", "PIL", "h5py"):
        logging.getLogger(noisy).setLevel(logging.ERROR)
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # of schedulers: the same as Ctrl-C
        sys.unraisablehook = repeat_interrupt
    try:
        code = main(arguments)
        sys.stdout.flush()
        return code
    except InputError as error:
        sys.stderr.write(f"{prog}: error: {shorten(escape_control(str(error)))}\n")
        return 2
    except KeyboardInterrupt:
        sys.stderr.write(f"{prog}: interrupted\n")
        return 2
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # `| head` has seen enough
        return 0
    except Exception as error:
        if reason := disk_full(error):
            place = f" '{error.filename}'" if isinstance(error, OSError) and error.filename else ""
            said = f"cannot write{place} ({reason}): free some space, then run it again"
        elif is_out_of_memory(error):
            said = "out of memory: give a smaller --batch-size, or auto, which finds the largest that fits"
        else:
            raise
        sys.stderr.write(f"{prog}: error: {said}\n")
        return 2
