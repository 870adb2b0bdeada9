"""Change a backbone's structure, keeping its weights: truncate it, add attention or dropout, swap the activation.

Each function takes a functional backbone from `zoo.build` and returns a new one with the same input and stages,
which shares all unchanged layers. The given one is not modified. Inserted blocks consist of built-in layers: a saved
model loads without this package.
"""
