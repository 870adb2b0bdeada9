"""What `watch --redact` asks for."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from cityzoo.errors import InputError
from cityzoo.redact.detector import VEHICLES, WHOLE
from cityzoo.redact.redactor import Redactor
from cityzoo.redact.regions import DRAWINGS

LOG = logging.getLogger(__name__)
NONE, BACKGROUND = "none", "background"  # to be written out, so that nobody stores faces by forgetting a flag


@dataclass(frozen=True)
class Redaction:
    """How the frames are covered before they are stored.

    Attributes:
        drawing: how regions are covered, see `cityzoo.redact.regions.cover`.
        finders: look for more than the detector of the watch does; None: nothing else.
        is_background: only the empty street and drawn boxes are stored, nothing of the frames.
        is_off: only privacy zones are covered.
    """

    drawing: str = DRAWINGS[0]
    finders: Redactor | None = None
    is_background: bool = False
    is_off: bool = False

    @classmethod
    def from_name(cls, name: str | None) -> Redaction:
        """Return what a flag says.

        Args:
            name: None: people and plates by the detector of the watch; "none"; or parts joined by +: "background",
                "pixelate", "blur", "fill", and those of `Redactor.from_name`, which are found in addition.

        Raises:
            InputError: no such part.

        Example:
            >>> Redaction.from_name("background+fill")
            Redaction(drawing='fill', finders=None, is_background=True, is_off=False)
        """
        if name == NONE:
            return cls(is_off=True)
        parts = [part for part in (DRAWINGS[0] if name is None else name).split("+") if part]
        if NONE in parts or not parts:
            raise InputError(f"--redact '{name}': give '{NONE}' alone, or what to cover, joined by +")
        drawing = next((part for part in reversed(parts) if part in DRAWINGS), DRAWINGS[0])
        others = [part for part in parts if part != BACKGROUND and part not in DRAWINGS]
        finders = Redactor.from_name("+".join([*others, drawing])) if others else None
        return cls(drawing, finders, BACKGROUND in parts)

    def check(self, class_names: Sequence[str]) -> None:
        """Warn if the detector of the watch finds no people.

        Raises:
            InputError: it finds neither people nor vehicles, and nothing else looks for them.
        """
        known = [name for name in class_names if name.lower() in (*WHOLE, *VEHICLES)]
        if self.is_off or self.finders or self.is_background:
            return
        if not known:
            raise InputError(
                f"the detector knows neither people nor vehicles ({', '.join(class_names)[:200]}): give --redact "
                f"with what covers them, such as faces+models/street, or --redact {BACKGROUND}, or --redact {NONE}"
            )
        if all(name.lower() in VEHICLES for name in known):
            LOG.warning("the detector knows no people: they stay visible unless --redact finds them (faces)")

    def describe(self) -> str:
        """Return it in words, for the record of what was watched."""
        if self.is_off:
            return "none: only privacy zones are covered"
        more = " and what --redact names" if self.finders else ""
        place = "; only background and boxes are stored" if self.is_background else ""
        return f"people and lower halves of vehicles{more}: {self.drawing}{place}"
