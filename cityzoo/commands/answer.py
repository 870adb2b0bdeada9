"""Answer questions from stored passages, or "I do not know": python -m cityzoo answer --faq FAQ --ask QUESTION"""

from __future__ import annotations

import argparse
import json
import logging
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cityzoo import cli
from cityzoo.cli.values import parse_count, parse_number, parse_share
from cityzoo.errors import InputError, escape_control

if TYPE_CHECKING:
    from cityzoo.answer.answerer import Answer, Answerer

LOG = logging.getLogger(__name__)
PROG = "python -m cityzoo answer"
ABOUT = """\
Answer questions with the stored passage that fits, its source and the probability that it is right, or "I do not know".
Nothing is generated. Where two passages are close, it is asked which one is meant.

FAQ is a CSV, JSON or JSONL file with the columns question and answer, and perhaps id, source, url, lang, or a
folder of Markdown, text and HTML files, which are cut at headings and paragraphs. Without --ask, questions are read
from the standard input, one per line.
"""
EXAMPLES = f"""\
examples:
  {PROG} --faq faq.csv --ask "When is bulky waste collected?" --contact "Hotline 115"
  {PROG} --faq faq.csv --questions asked.csv --wrong-at-most 0.02     calibrate, and write report.html
  python -m cityzoo serve --faq faq.csv                               POST /answer
questions of --questions: CSV with the columns question and expected: id, source, URL, file, or file:row of the right
answer; nothing where no passage answers. Half of them choose the threshold, the other half is reported.
"""


def _parser() -> cli.Parser:
    parser = cli.Parser(prog=PROG, description=ABOUT, epilog=EXAMPLES, allow_abbrev=False)
    add, number = parser.add_argument, cli.argparse_type(parse_number)
    add("--faq", metavar="FAQ", required=True, help="passages: a file, a folder of documents, or demo")
    add("--ask", metavar="QUESTION", action="append", default=[], help="question; may be repeated")
    about = "sentence encoder: exported or Hugging Face folder, run, minilm, none (default: minilm, if it is there)"
    add("--encoder", metavar="FOLDER", default="auto", help=about)
    add(
        "--index",
        metavar="FOLDER",
        type=Path,
        help="where vectors and threshold are kept (default: in the cache)",
    )
    add("--contact", metavar="TEXT", default="", help='who knows more, as in "Hotline 115"')
    about = "exported run of text_intent: names what is asked back; its classes are ids of passages"
    add("--intents", metavar="FOLDER", type=Path, help=about)
    add("--json", action="store_true", help="print one JSON object per answer")
    add(
        "--threads",
        metavar="N",
        type=cli.argparse_type(parse_count),
        default=1,
        help="of the encoder (default: 1)",
    )
    add(
        "--log",
        metavar="FILE",
        type=Path,
        help="append questions, personal data masked, and where answers are from",
    )
    add("--log-mb", metavar="MB", type=number, default=10.0, help="largest size of the log (default: 10)")
    _add_groups(parser)
    return parser


def _add_groups(parser: cli.Parser) -> None:
    add = parser.add_argument_group("columns of a table").add_argument
    for kind, what in (
        ("question", "the questions"),
        ("answer", "the answers"),
        ("key", "what answers are called by"),
    ):
        add(f"--{kind}-column", metavar="NAME", help=f"column of {what}")
    add = parser.add_argument_group("calibration").add_argument
    add("--questions", metavar="FILE", type=Path, help="questions with their right answers")
    about = "wanted share of wrong ones among the answers (default: 0.05)"
    add("--wrong-at-most", metavar="SHARE", type=cli.argparse_type(parse_share), default=0.05, help=about)
    add("--out", metavar="FOLDER", type=Path, help="of report.html and report.json (default: answered/NAME)")


def main(arguments: Sequence[str]) -> int:
    """Answer the questions of the command line or of the standard input."""
    given = _parser().parse_args(arguments)
    if given.faq == "demo":
        _use_demo(given)
    from cityzoo.answer.answerer import open_answerer
    from cityzoo.answer.conversations import ConversationLog, Conversations

    columns = {kind: getattr(given, f"{kind}_column") for kind in ("question", "answer", "key")}
    answerer = open_answerer(
        given.faq, given.encoder, given.index, given.contact, columns, given.threads, given.intents
    )
    if given.questions:
        _calibrate(given, answerer)
        if not given.ask:
            return 0
    answerer.warn_uncalibrated()
    log = ConversationLog(given.log, given.log_mb) if given.log else None
    conversations = Conversations(answerer, log)
    conversation = ""
    for question in given.ask or _read_lines():
        try:
            conversation, answer = conversations.reply(question, conversation)
        except InputError as error:
            if given.ask:
                raise
            sys.stdout.write((json.dumps({"error": str(error)}) if given.json else str(error)) + "\n")
            continue
        sys.stdout.write(json.dumps(answer.to_json()) + "\n" if given.json else describe(answer))
        sys.stdout.flush()
    return 0


def _use_demo(given: argparse.Namespace) -> None:
    """Write the demo FAQ, and without --ask try it with its questions."""
    from cityzoo.cache_dir import cache_dir
    from cityzoo.demo.texts import faq

    folder = faq.write(cache_dir() / "demo" / "faq")
    given.faq = str(folder / "faq.csv")
    given.questions = given.questions or (None if given.ask else folder / "questions.csv")


def describe(answer: Answer) -> str:
    """Return an answer as lines of text, without characters that move the cursor."""
    lines = [escape_control(answer.text, kept="\n\t")]
    if answer.passage:
        sure = "" if answer.probability is None else f" (probability {answer.probability:.2f})"
        place = " ".join(
            dict.fromkeys(filter(None, (answer.passage.place, answer.passage.source, answer.passage.url)))
        )
        lines.append(f"  source: {escape_control(place)}{sure}")
    return "\n".join([*lines, ""])


def _read_lines() -> Iterator[str]:
    """Yield the lines of the standard input, until its end, or an empty one of a terminal."""
    if sys.stdin.isatty():
        LOG.info("ask, one question per line; an empty line ends")
    for line in sys.stdin.buffer:
        try:
            text = line.decode("utf-8-sig").strip()
        except UnicodeDecodeError:
            text = line.decode("cp1252", errors="replace").strip()
        if text:
            yield text
        elif sys.stdin.isatty():
            return


def _calibrate(given: argparse.Namespace, answerer: Answerer) -> None:
    """Choose the threshold, keep it next to the index if there is one, and write the report."""
    from cityzoo.answer.answerer import index_folder
    from cityzoo.answer.evaluate import evaluate_answers, read_questions
    from cityzoo.answer.page import layout
    from cityzoo.report.write import write_report

    questions = read_questions(given.questions, answerer.index)
    found, report = evaluate_answers(answerer.index, questions, given.wrong_at_most)
    out = given.out or Path("answered", Path(given.faq).stem)
    write_report(out, {**report, "data": Path(given.faq).name}, layout())
    sys.stdout.write(
        f"{report['n_questions']} questions that the threshold {report['threshold']:.3f} was not chosen on:\n"
    )
    for title, row in report["shares"].items():
        if row["value"] is not None:
            low, high = (100 * end for end in row["interval"])
            sys.stdout.write(
                f"  {title}: {100 * row['value']:.1f} % (95 % interval {low:.1f} to {high:.1f} %)\n"
            )
    sys.stdout.write(f"written: {out}\n")
    if found.threshold < 1:
        answerer.calibration = found
        found.write(given.index or index_folder(given.faq))
    else:
        LOG.warning(
            "WARNING: no threshold keeps the wrong answers at %g %% on these questions, so the one from before is "
            "kept: give more questions, more passages, or a larger --wrong-at-most",
            100 * given.wrong_at_most,
        )
