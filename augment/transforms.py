"""Every transform there is: importing this module fills `TRANSFORMS`. A new file of transforms is named here."""

from augment import blur, colour, geometric, lens, mixing, pasting, pixels, weather

__all__ = ["blur", "colour", "geometric", "lens", "mixing", "pasting", "pixels", "weather"]
