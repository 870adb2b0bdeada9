"""The site of the documentation: navigation, the reference of what users call, nothing loaded from elsewhere."""

import importlib
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from cityzoo import __main__

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted((ROOT / "docs" / "reference").glob("*.md"))
CONFIG = re.sub(r"!!python\S+", "", (ROOT / "mkdocs.yml").read_text())


def nav_pages(item):
    if isinstance(item, str):
        return [item]
    return [page for part in (item.values() if isinstance(item, dict) else item) for page in nav_pages(part)]


def defined(module):
    """Names of the classes and functions of a module, which is not imported."""
    path = ROOT / module.replace(".", "/")
    source = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return set(re.findall(r"^(?:class|def) (\w+)", source.read_text(), re.M))


def documented(text):
    """Yield (module, its documented names; none: all of them) of a page of the reference."""
    for module, members in re.findall(r"^::: ([\w.]+)\n(?: +options:\n +members: \[(.*)\])?", text, re.M):
        yield module, [name for name in members.split(", ") if name]


def test_the_navigation_names_pages_once():
    pages = nav_pages(yaml.safe_load(CONFIG)["nav"])
    assert len(pages) == len(set(pages))
    assert "docs/reference/commands.md" in pages  # made when the site is built
    for page in set(pages) - {"docs/reference/commands.md"}:
        source = page.replace(".md", ".ipynb") if page.startswith("notebooks/") else page
        assert list(ROOT.glob(source)), page


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_reference_names_what_exists(page):
    found = list(documented(page.read_text()))
    assert found
    assert [
        (module, set(names) - defined(module)) for module, names in found if set(names) - defined(module)
    ] == []


@pytest.mark.parametrize("package", ["zoo", "augment"])
def test_every_exported_name_is_in_the_reference(package):
    module = importlib.import_module(package)
    named = {
        name
        for part, names in documented((ROOT / "docs" / "reference" / f"{package}.md").read_text())
        for name in names or defined(part)
    }
    assert {name for name in module.__all__ if not name.isupper()} <= named


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The built site; warnings are errors."""
    pytest.importorskip("material", reason='the extra docs is not installed: pip install -e ".[docs]"')
    pytest.importorskip("mkdocstrings", reason='the extra docs is not installed: pip install -e ".[docs]"')
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert ran.returncode == 0, ran.stderr[-2000:]
    return folder


@pytest.mark.slow
def test_pages_load_nothing_from_elsewhere(site):
    """No script, style, font or image of another host, in any page or style sheet."""
    loads = re.compile(
        r"<(?:script|img|iframe|source)\b[^>]*\bsrc=[\"']?((?:https?:)?//[^\"' >]+)"
        r"|<link\b(?![^>]*rel=[\"']?canonical)[^>]*\bhref=[\"']?((?:https?:)?//[^\"' >]+)"
    )
    pages = list(site.rglob("*.html"))
    assert len(pages) > 40
    assert [(page.name, found[0]) for page in pages if (found := loads.search(page.read_text()))] == []
    remote = re.compile(r"url\([\"']?(?:https?:)?//|@import\s+[\"']?(?:https?:)?//")
    assert [style.name for style in site.rglob("*.css") if remote.search(style.read_text())] == []


@pytest.mark.slow
def test_every_command_has_its_help(site):
    page = (site / "docs" / "reference" / "commands.html").read_text()
    for name in __main__.names():
        assert f">python -m cityzoo {name}<" in page
    assert page.count("usage: ") >= len(__main__.names()) + 6
    assert str(ROOT) not in page


@pytest.mark.slow
def test_the_search_index_is_local(site):
    index = json.loads((site / "search" / "search_index.json").read_text())
    found = {document["location"] for document in index["docs"] if "conformal_offsets" in document["text"]}
    assert any(location.startswith("docs/reference/heads.html") for location in found)
