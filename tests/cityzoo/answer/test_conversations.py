"""Conversations wait for replies of their owner alone; the log holds no personal data and does not grow."""

import json

import pytest

from cityzoo.answer.answerer import Answerer
from cityzoo.answer.calibration import DEFAULT_OF_WORDS
from cityzoo.answer.conversations import ConversationLog, Conversations
from cityzoo.answer.index import PassageIndex
from cityzoo.errors import InputError


@pytest.fixture
def answerer(passages):
    return Answerer(PassageIndex(passages), DEFAULT_OF_WORDS)


def test_a_reply_belongs_to_its_conversation_and_owner(answerer):
    conversations = Conversations(answerer)
    first, asked = conversations.reply("permit?", owner="ana")
    assert asked.kind == "clarify"
    assert conversations.reply("A", first, "ben")[1].passage is None
    assert conversations.reply("A", "", "ana")[1].passage is None
    with pytest.raises(InputError):
        conversations.reply("", first, "ana")
    again, found = conversations.reply("A", first, "ana")
    assert (again, found.passage) == (first, asked.options[0])
    assert conversations.reply("A", first, "ana")[1].passage is None  # answered once


def test_old_conversations_are_forgotten(answerer, monkeypatch):
    monkeypatch.setattr("cityzoo.answer.conversations.MOST", 2)
    conversations = Conversations(answerer)
    ids = [conversations.reply("permit?")[0] for _ in range(3)]
    found = [conversations.reply("A", each)[1].passage for each in ids[1:] + ids[:1]]
    assert found[0] and found[1] and not found[2]
    monkeypatch.setattr("cityzoo.answer.conversations.LONGEST_WAIT", 0.0)
    late, _ = conversations.reply("permit?")
    assert conversations.reply("A", late)[1].passage is None


def test_the_log_masks_and_stays_small(answerer, tmp_path):
    file = tmp_path / "logs" / "log.jsonl"
    log = ConversationLog(file, most_mb=0.004)
    conversations = Conversations(answerer, log)
    for _ in range(50):
        conversations.reply("When is bulky waste collected? Call +49 171 2345678, Frau Weber\nnew line")
    log.close()
    parts = sorted(file.parent.iterdir())
    assert [part.name for part in parts] == ["log.jsonl", "log.jsonl.1"]
    assert sum(part.stat().st_size for part in parts) <= 4000
    rows = [json.loads(line) for part in parts for line in part.read_text().splitlines()]
    assert {row["question"] for row in rows} == {
        "When is bulky waste collected? Call [phone], Frau [name]\nnew line"
    }
    assert {row["place"] for row in rows} <= {"faq.jsonl:1", None}
