"""Mask what identifies people: faces, persons and plates in images and videos; names and numbers in text."""

from cityzoo.redact.redactor import Redactor
from cityzoo.redact.text import mask_text

__all__ = ["Redactor", "mask_text"]
