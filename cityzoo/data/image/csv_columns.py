"""Columns of CSV files by the names in their header: image, class, split, and the numbers of boxes."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from cityzoo.errors import InputError

Numbers = tuple[float, ...]
PATH, CLASS, SPLIT = "path", "class", "split"

# Names of each column, in order of preference, without "bbox", blanks and punctuation.
_NAMES = {
    PATH: "path filename filepath file imagepath imagefile imagefilename imagename imgname image img imageid "
    "imgpath externalid frame name",
    CLASS: "classname class label labelname category categoryname objectclass objectname object tag type name "
    "classid labelid categoryid",
    SPLIT: "split set subset usage",
    "x1": "x1 xmin minx left xleft leftx x0 xtl xstart startx topleftx xtopleft",
    "y1": "y1 ymin miny top ytop topy y0 ytl ystart starty toplefty ytopleft",
    "x2": "x2 xmax maxx right xright rightx xbr xend endx bottomrightx xbottomright",
    "y2": "y2 ymax maxy bottom ybottom bottomy ybr yend endy bottomrighty ybottomright",
    "x": "x",
    "y": "y",
    "cx": "cx xc xcenter centerx xcentre centrex",
    "cy": "cy yc ycenter centery ycentre centrey",
    "w": "w width",
    "h": "h height",
    "image w": "imagewidth imgwidth imgw imagew",
    "image h": "imageheight imgheight imgh imageh",
}
_ZERO_BASED = {"x0": "x1", "y0": "y1", "x1": "x2", "y1": "y2"}  # names of a header with x0
_PREFIX = re.compile(r"(bounding ?box|bndbox|bbox|box|roi|rect)[\W_]*(?=\w)")
_CORNERS = ("x1", "y1", "x2", "y2")
# What describes a box, and its corners x1, y1, x2, y2.
_WAYS: tuple[tuple[tuple[str, ...], Callable[[float, float, float, float], Numbers]], ...] = (
    (_CORNERS, lambda x1, y1, x2, y2: (x1, y1, x2, y2)),
    (("cx", "cy", "w", "h"), lambda x, y, w, h: (x - w / 2, y - h / 2, x + w / 2, y + h / 2)),
    (("x", "y", "w", "h"), lambda x, y, w, h: (x, y, x + w, y + h)),
    (("x1", "y1", "w", "h"), lambda x, y, w, h: (x, y, x + w, y + h)),
)


def find_columns(header: Sequence[str]) -> dict[str, int]:
    """Return the positions of the columns that a header names.

    Example:
        >>> find_columns(["ImageID", "LabelName", "XMin", "XMax", "YMin", "YMax"])
        {'path': 0, 'class': 1, 'x1': 2, 'y1': 4, 'x2': 3, 'y2': 5}
        >>> find_columns(["x0", "y0", "x1", "y1", "label", "file"])
        {'path': 5, 'class': 4, 'x1': 0, 'y1': 1, 'x2': 2, 'y2': 3}
    """
    bare = [_strip(name) for name in header]
    zero_based = {"x0", "y0"} <= set(bare)
    bare = [_ZERO_BASED.get(name, name) for name in bare] if zero_based else bare
    found: dict[str, int] = {}
    for role, names in _NAMES.items():
        positions = (bare.index(name) for name in names.split() if name in bare)
        position = next((each for each in positions if each not in found.values()), None)
        if position is not None:
            found[role] = position
    return found


def _strip(name: str) -> str:
    return re.sub(r"[\W_]", "", _PREFIX.sub("", name.strip().lower()))


def is_header(row: Sequence[str]) -> bool:
    """Return whether a row is a header: it has text in several fields, and no number.

    Example:
        >>> is_header(["file", "a", "b"]), is_header(["a.jpg", "1", "2"]), is_header(["a.jpg", "", ""])
        (True, False, False)
    """
    filled = [field for field in row if field]
    return bool(filled) and (len(filled) > 1 or len(row) == 1) and not any(map(_is_number, filled))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def has_box_columns(header: Sequence[str]) -> bool:
    """Return whether a header names an image and three numbers of a box or more.

    Example:
        >>> has_box_columns(["path", "x", "y", "w", "h"]), has_box_columns(["path", "label"])
        (True, False)
    """
    columns = find_columns(header)
    return PATH in columns and len({role for way, _ in _WAYS for role in way} & columns.keys()) >= 3


class BoxColumns:
    """The columns of a CSV of boxes.

    Example:
        >>> columns = BoxColumns(["file", "x", "y", "width", "height", "label"], "a.csv:1")
        >>> columns.box(["a.jpg", "10", "20", "5", "6", "car"])
        (10.0, 20.0, 15.0, 26.0)
        >>> columns.get(["a.jpg", "10", "20", "5", "6", "car"], "class")
        'car'
    """

    def __init__(self, header: Sequence[str], place: str) -> None:
        """Find the columns that a header names.

        Raises:
            InputError: the header names no image, no class, or no complete box.
        """
        self._positions: Mapping[str, int] = find_columns(header)
        complete = [way for way in _WAYS if all(role in self._positions for role in way[0])]
        roles, self._corners = complete[0] if complete else ((), _WAYS[0][1])
        lacking = [name for name in (PATH, CLASS) if name not in self._positions]
        if not roles or lacking:
            raise InputError(
                f"{place}: the header {','.join(header)[:200]} has no {lacking[0] if lacking else 'complete box'}: "
                "name the columns path,x1,y1,x2,y2,class_name (or x,y,width,height, or cx,cy,width,height; any order)"
            )
        self._box = [self._positions[role] for role in roles]
        self.width = len(header)
        # Beside corners, "width" and "height" are those of the image.
        sizes = ("image h", "image w") if "image h" in self._positions else ("h", "w")
        self._size = sizes if not set(sizes) & set(roles) and sizes[0] in self._positions else None

    def get(self, row: Sequence[str], role: str) -> str:
        """Return the field of a column, "" if the header or the row lacks it."""
        position = self._positions.get(role, len(row))
        return row[position] if position < len(row) else ""

    def is_empty(self, row: Sequence[str]) -> bool:
        """Return whether a row has no box: an image without boxes."""
        return not any(row[position] for position in self._box if position < len(row))

    def box(self, row: Sequence[str]) -> Numbers | None:
        """Return x1, y1, x2, y2 of a row, or None if a number is malformed."""
        try:
            numbers = [float(row[position]) for position in self._box]
        except (ValueError, IndexError):
            return None
        return self._corners(*numbers)

    def size(self, row: Sequence[str]) -> tuple[str, str]:
        """Return the declared height and width of the image as written, or empty text."""
        return (self.get(row, self._size[0]), self.get(row, self._size[1])) if self._size else ("", "")
