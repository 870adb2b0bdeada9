"""Fuse runs of one task into one: ensembles, soups, stacking, distilled ensembles and joined backbones."""
