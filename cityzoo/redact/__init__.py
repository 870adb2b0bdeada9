"""Mask what identifies people: faces, persons and plates in images and videos; names and numbers in text."""

from cityzoo.data.text.personal_data import mask_text
from cityzoo.redact.redactor import Redactor

__all__ = ["Redactor", "mask_text"]
