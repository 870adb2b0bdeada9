"""Change a backbone's structure, keeping its weights: truncate it, add attention or dropout, swap the activation.

Each function takes a functional backbone, as `zoo.build` makes it, and returns one with the same input, whose stages
are found as before, with the weights and layers of the given one wherever nothing was changed. The given one stays
as it was. What is put in is made of built-in layers, so that a saved model loads without this package.
"""
