"""Hook of mkdocs: the site has the repository's own paths, so that links between README, docs/ and results work.

Used by mkdocstrings, too, as an extension of griffe.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import griffe
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[1]
OUTSIDE = (  # what the site has of the repository besides docs/
    "*.md",
    "augment/README.md",
    "deploy/README.md",
    "notebooks/*.ipynb",
    "benchmarks/results/**/*.md",
    "benchmarks/results/**/*.json",
    "cityzoo/report/report.schema.json",
)


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Expand patterns of the navigation, such as `docs/*.md`, to the pages that it does not name elsewhere."""
    named = set(page_names(config.nav))
    config.nav = expand(config.nav, named)
    return config


def page_names(item: Any) -> list[str]:
    """Return the pages of a part of the navigation."""
    if isinstance(item, str):
        return [item]
    parts = item.values() if isinstance(item, dict) else item
    return [name for part in parts for name in page_names(part)]


def expand(item: Any, named: set[str]) -> Any:
    """Return a part of the navigation with patterns replaced by the pages that they match."""
    if isinstance(item, dict):
        return {title: expand(part, named) for title, part in item.items()}
    if not isinstance(item, list):
        return item
    parts = []
    for part in item:
        if isinstance(part, str) and "*" in part:
            found = (path.relative_to(ROOT).as_posix() for path in sorted(ROOT.glob(part)))
            pages = (name.replace(".ipynb", ".md") for name in found)
            parts += [name for name in pages if name not in named]
        else:
            parts.append(expand(part, named))
    return parts


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Return the files of docs/ below `docs/`, and those outside it where they are in the repository."""
    own = [file for file in files if str(file.abs_src_path).startswith(config.docs_dir)]
    theme = [file for file in files if file not in own]
    paths = [Path(str(file.abs_src_path)) for file in own]
    paths += [path for pattern in OUTSIDE for path in sorted(ROOT.glob(pattern))]
    names = {path.relative_to(ROOT).as_posix(): path for path in paths}
    made = [File.generated(config, name, abs_src_path=str(path)) for name, path in names.items()]
    made += [
        File.generated(config, name.replace(".ipynb", ".md"), content=to_markdown(path))
        for name, path in names.items()
        if path.suffix == ".ipynb"
    ]
    return Files([*theme, *made])


def to_markdown(notebook: Path) -> str:
    """Return the cells of a notebook and what they show as a page."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    parts = [part for cell in cells for part in cell_parts(cell)]
    return "\n\n".join([*parts, f"[Download the notebook]({notebook.name})\n"])


def cell_parts(cell: dict[str, Any]) -> Iterator[str]:
    """Yield the text or code of a cell, then its outputs: text as a block, pictures within the page."""
    text = "".join(cell["source"])
    yield text if cell["cell_type"] == "markdown" else f"```python\n{text}\n```"
    for output in cell.get("outputs", []):
        data = output.get("data", {})
        if "image/png" in data:
            yield f"![output](data:image/png;base64,{''.join(data['image/png']).strip()})"
        else:
            shown = "".join(output.get("text") or data.get("text/plain", []))
            yield f"```text\n{shown.rstrip()}\n```"


class ExampleSections(griffe.Extension):
    """Reads the sections "Example:" of docstrings, as Keras writes them, as examples."""

    def on_object(self, *, obj: griffe.Object, **options: Any) -> None:
        """Rename the section before the docstring is parsed."""
        if obj.docstring is not None:
            obj.docstring.value = re.sub(
                r"^( *)Example:$", r"\1Examples:", obj.docstring.value, flags=re.MULTILINE
            )
