"""Damage to files: bytes changed, lost or doubled, lines and numbers replaced by what readers rarely see."""

import re

from hypothesis import strategies as st

WORDS = [
    *(b"", b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"\r", b"\n\n", b'"', b"'", b",", b";", b"\t", b"\x1b[31m"),
    *(b"null", b"true", b"NaN", b"Infinity", b"-1", b"0", b"1e400", b"-0.0", b"9" * 30, b"1" * 400),
    *(b"[]", b"{}", b"*a", b"&a", b"<!--", b"&x;", b"[" * 2000, b'{"a":' * 500, b"<a>" * 500, b"x" * 200_000),
    *(b"../../etc/passwd", b"/dev/zero", b".", b"2012-13-45"),
    *("Straße".encode("latin-1"), "汽车".encode("gb2312"), "١٢".encode(), "\u202e".encode()),
]
NUMBER = re.compile(rb"-?\d+(?:\.\d+)?")
POSITION = st.integers(0, 65_535)  # in parts of the file's length, or a number that is counted around
EDIT = st.one_of(
    st.tuples(st.just("byte"), POSITION, st.binary(min_size=1, max_size=4)),
    st.tuples(st.just("insert"), POSITION, st.sampled_from(WORDS)),
    st.tuples(st.just("number"), POSITION, st.sampled_from(WORDS)),
    st.tuples(st.just("line"), POSITION, st.sampled_from(WORDS)),
    st.tuples(st.just("delete"), POSITION, st.integers(1, 64)),
    st.tuples(st.just("double"), POSITION, st.integers(1, 64)),
    st.tuples(st.just("end"), POSITION, st.none()),
)
EDITS = st.lists(EDIT, min_size=1, max_size=4)


def damage(content, edits):
    """Return the bytes of a file after some edits of `EDITS`."""
    for kind, position, what in edits:
        at = position * len(content) // 65_536
        if kind == "byte":
            content = content[:at] + what + content[at + len(what) :]
        elif kind == "insert":
            content = content[:at] + what + content[at:]
        elif kind == "number" and (found := list(NUMBER.finditer(content))):
            number = found[position % len(found)]
            content = content[: number.start()] + what + content[number.end() :]
        elif kind == "line":
            lines = content.split(b"\n")
            lines[position % len(lines)] = what
            content = b"\n".join(lines)
        elif kind == "delete":
            content = content[:at] + content[at + what :]
        elif kind == "double":
            content = content[:at] + content[at : at + what] * 2 + content[at + what :]
        elif kind == "end":
            content = content[:at]
    return content
