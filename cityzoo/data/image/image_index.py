"""Lookup of the image that annotations name, where it does not lie at the path that they give."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path, PurePosixPath

from cityzoo.data.image.image_files import images_under
from cityzoo.data.image.raw import split_of
from cityzoo.data.image.raw_values import is_path


class ImageIndex:
    """All images in a folder, found by the end of their paths.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     (Path(folder) / "pics").mkdir()
        ...     (Path(folder) / "pics" / "a.JPG").touch()
        ...     index = ImageIndex(Path(folder))
        ...     found = [index.find(name) for name in ("C:\\\\data\\\\pics\\\\a.jpg", "a", "other/a.jpg")]
        >>> [found and found.name for found in found]
        ['a.JPG', 'a.JPG', None]
    """

    def __init__(self, root: Path) -> None:
        """Remember the folder; it is walked at the first use."""
        self._root = root

    @cached_property
    def _by_stem(self) -> dict[str, list[tuple[tuple[str, ...], Path]]]:
        found = defaultdict(list)
        for path in images_under(self._root):
            parts = tuple(part.lower() for part in path.relative_to(self._root).parts)
            found[Path(parts[-1]).stem].append((parts, path))
        return found

    def find(self, name: str, split: str | None = None) -> Path | None:
        """Return the one image whose path ends with `name`, or is the end of it, whatever the case of its letters.

        A name without the suffix of its file is found, too. Images in folders of another split than `split` are
        not. None if there is no such image, or several.
        """
        if not is_path(name):
            return None
        wanted = [
            part for part in PurePosixPath(name.lower().replace("\\", "/")).parts if part not in ("/", "..")
        ]
        stem = Path(wanted[-1]).stem if wanted else ""
        candidates = self._by_stem.get(wanted[-1] if wanted else "", []) or self._by_stem.get(stem, [])
        near = [path for parts, path in candidates if _is_end(parts, wanted) and _fits(parts[:-1], split)]
        return near[0] if len(near) == 1 else None

    def find_near(self, labels: Path, name: str = "", split: str | None = None) -> Path | None:
        """Return the image with the stem of its label file, of several that in the most similar folder.

        name: file name in the annotations, which decides between images that differ in their suffix.
        """
        candidates = [(parts, path) for parts, path in self._by_stem.get(labels.stem.lower(), [])]
        named = [each for each in candidates if each[0][-1] == name.lower()] or candidates
        here = [path for _, path in named if path.parent == labels.parent]
        if here:
            return here[0] if len(here) == 1 else None
        folders = [part.lower() for part in labels.parent.parts]
        near = [
            (_count_shared(parts[:-1], folders), path) for parts, path in named if _fits(parts[:-1], split)
        ]
        most = max((shared for shared, _ in near), default=0)
        best = [path for shared, path in near if shared == most]
        return best[0] if len(best) == 1 else None


def _count_shared(one: Sequence[str], other: Sequence[str]) -> int:
    """Return the number of folders at the end of two paths that are the same."""
    pairs = zip(reversed(one), reversed(other), strict=False)
    return next((number for number, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))


def _is_end(parts: tuple[str, ...], wanted: list[str]) -> bool:
    names = (parts[-1], Path(parts[-1]).stem)
    folders = list(zip(reversed(parts[:-1]), reversed(wanted[:-1]), strict=False))
    return wanted[-1] in names and all(one == other for one, other in folders)


def _fits(folders: tuple[str, ...], split: str | None) -> bool:
    found = next((each for each in map(split_of, folders) if each), None)
    return split is None or found is None or found == split
