"""Small documents that stand for gigabytes, and depths that overflow the stack."""

import pytest

from cityzoo.data import markup
from cityzoo.errors import InputError


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: &a [x, x]\nb: [*a, *a]\n", r"data.yaml:2: '\*a' is an alias"),
        ("a: " + "[" * 60 + "]" * 60, "50 levels"),
        ("a: " + "[" * 10_000 + "]" * 10_000, "not valid YAML|50 levels"),
        ("start: 2012-13-45\n", "not valid YAML"),
        ("n: " + "9" * 5000, "not valid YAML"),
        ("a: [", "not valid YAML"),
        ("a: !!python/object:os.system x", "not valid YAML"),
    ],
)
def test_yaml_that_is_refused(tmp_path, text, words):
    """One line each: an alias, depth, a date that does not exist, a number of 5,000 digits, syntax, code."""
    path = tmp_path / "data.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match=words) as caught:
        markup.load_yaml(path)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000, '{"a": 1', "\0", '{"a": ' + "9" * 5000])
def test_json_that_is_refused(tmp_path, text):
    """Depth, syntax and numbers of 5,000 digits end in one line."""
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(InputError, match="a.json"):
        markup.load_json(tmp_path / "a.json")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('<!DOCTYPE a [<!ENTITY x "yyyy">]><a>&x;&x;</a>', "entity 'x'"),
        ('<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>', "entity 'x'"),
        ('<!DOCTYPE a [<!ENTITY % x SYSTEM "file:///etc/passwd"> %x;]><a/>', "entity 'x'"),
        ("<a>" * 100 + "</a>" * 100, "50 levels"),
        ("<a>", "not valid XML"),
        ('<?xml version="1.0" encoding="nonsense"?><a/>', "not valid XML"),
    ],
)
def test_xml_that_is_refused(text, words):
    """Entities, which multiply content or read files, depth, syntax, an unknown encoding."""
    with pytest.raises(InputError, match=words):
        markup.parse_xml(text.encode(), "a.xml")


def test_document_type_without_entities_is_read():
    """Some tools write one."""
    content = b'<!DOCTYPE annotation SYSTEM "voc.dtd"><annotation><name>car</name></annotation>'
    assert markup.parse_xml(content, "a.xml").findtext("name") == "car"
