"""Fill the register of transforms before tests are parametrized over it."""

from augment.registry import load_transforms

load_transforms()
