"""XML files of Pascal VOC: decoding, and the tree with the lines of its objects."""

from __future__ import annotations

import codecs
import re
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

from cityzoo.data.files import read_bytes
from cityzoo.data.markup import LARGEST_XML, parse_xml
from cityzoo.errors import InputError

_DECLARED = re.compile(rb"""^\s*<\?xml[^>]{0,200}?encoding\s*=\s*["']([\w.:-]{1,40})["']""")
_ROOT = re.compile(r"<annotation[\s>/]")
_BOMS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
# Files that name the first often have characters of the second, which includes it.
_WIDER = {
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "big5": "big5hkscs",
    "shift_jis": "cp932",
    "iso8859-1": "cp1252",
}


class Annotation(NamedTuple):
    """An annotation as a tree, and the lines of its objects, or none if they cannot be told."""

    tree: ElementTree.Element
    lines: tuple[int, ...]


def read_annotation(path: Path) -> Annotation | None:
    """Return the annotation in an XML file, or None if its root is another one.

    Raises:
        InputError: a file that cannot be decoded or is not valid XML.
    """
    text = _decode(path)
    if not _ROOT.search(text):
        return None
    tree = parse_xml(text, str(path))
    if tree.tag != "annotation":
        return None
    # ElementTree has no line numbers; the n-th object is the n-th tag of that name.
    lines = tuple(text.count("\n", 0, match.start()) + 1 for match in re.finditer(r"<object\b", text))
    return Annotation(tree, lines if len(lines) == len(tree.findall("object")) else ())


def _decode(path: Path) -> str:
    """Return the text of an XML file in the encoding that it declares, or of its byte order mark, or in UTF-8."""
    try:
        content = read_bytes(path, LARGEST_XML)
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}): correct or remove it") from error
    encoding = next((name for mark, name in _BOMS.items() if content.startswith(mark)), "")
    if not encoding and b"\0" in content[:4]:
        encoding = "utf-16-le" if content[:1] != b"\0" else "utf-16-be"
    declared = _DECLARED.match(content)
    encoding = encoding or (declared[1].decode("ascii").lower() if declared else "utf-8")
    if declared and encoding.startswith(("utf-16", "utf16", "ucs", "utf-32")):
        encoding = "utf-8"  # the declaration is not in what it declares
    try:
        name = codecs.lookup(encoding).name
        text = content.decode(_WIDER.get(name, name))
    except (LookupError, ValueError) as error:
        raise InputError(
            f"{path} cannot be read in its encoding {encoding} ({' '.join(str(error).split())[:100]}): name its "
            'encoding in the first line, such as <?xml version="1.0" encoding="gb2312"?>, or save it as UTF-8'
        ) from error
    return text.removeprefix("\ufeff")
