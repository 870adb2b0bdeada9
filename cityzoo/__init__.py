"""cityzoo: pretrained backbones, fine-tuned on a city's own cameras."""

__version__ = "0.2.0.dev0"
