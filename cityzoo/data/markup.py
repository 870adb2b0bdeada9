"""JSON, YAML and XML that others wrote: bounded in size and depth, without references that multiply content."""

from __future__ import annotations

import json
from typing import Any
from xml.etree import ElementTree
from xml.parsers import expat

from cityzoo.data.files import FilePath, read_bytes
from cityzoo.errors import InputError

LARGEST_YAML = 16 << 20  # bytes
LARGEST_XML = 16 << 20
DEEPEST = 50  # levels of nesting


def load_json(path: FilePath) -> Any:
    """Return the content of a JSON file.

    Raises:
        FileNotFoundError: no such file.
        InputError: not JSON, nested too deeply, or not a file that may be read.
    """
    try:
        return json.loads(read_bytes(path))
    except RecursionError as error:
        raise InputError(f"{path} is nested too deeply to be data: correct it") from error
    except InputError:
        raise
    except ValueError as error:
        raise InputError(f"{path} is not valid JSON: {_one_line(error)}") from error


def load_yaml(path: FilePath, loader: Any = None) -> Any:
    """Return the content of a YAML file; aliases are refused, since a few lines of them stand for gigabytes.

    loader: class that makes the values; None: PyYAML's safe loader.

    Raises:
        FileNotFoundError: no such file.
        InputError: not YAML, aliases, nested too deeply, or not a file that may be read.
    """
    import yaml

    text = read_bytes(path, LARGEST_YAML)
    try:
        depth = 0
        for event in yaml.parse(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
            if isinstance(event, yaml.AliasEvent):
                line = event.start_mark.line + 1 if event.start_mark else 1
                raise InputError(
                    f"{path}:{line}: '*{event.anchor}' is an alias, which is not allowed: write it out"
                )
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > DEEPEST:
                raise InputError(f"{path} is nested more than {DEEPEST} levels deep: correct it")
        return yaml.load(text, loader or getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except InputError:
        raise
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        raise InputError(f"{path} is not valid YAML: {_one_line(error)}") from error


def parse_xml(content: bytes | str, place: str) -> ElementTree.Element:
    """Return the root element of an XML document without declarations of entities.

    Args:
        content: the document; `read_bytes(path, LARGEST_XML)` bounds that of a file.
        place: the file, for messages.

    Raises:
        InputError: not XML, declared entities, or nested too deeply.

    Example:
        >>> parse_xml("<a><b>1</b></a>", "a.xml").findtext("b")
        '1'
        >>> parse_xml('<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>', "a.xml")
        Traceback (most recent call last):
        cityzoo.errors.InputError: a.xml declares the entity 'x', which is not allowed: write its text instead
    """
    depth = 0

    def enter(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > DEEPEST:
            raise InputError(f"{place} is nested more than {DEEPEST} levels deep: correct it")

    def leave(name: str) -> None:
        nonlocal depth
        depth -= 1

    def refuse(name: str, *_: Any) -> None:
        raise InputError(
            f"{place} declares the entity '{name}', which is not allowed: write its text instead"
        )

    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler, parser.EntityDeclHandler = enter, leave, refuse
    try:
        parser.Parse(content, True)
        return ElementTree.fromstring(content)
    except InputError:
        raise
    except (expat.ExpatError, ElementTree.ParseError, ValueError, LookupError) as error:
        raise InputError(f"{place} is not valid XML ({_one_line(error)}): correct or remove it") from error


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200]
