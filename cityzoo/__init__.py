"""cityzoo: pretrained backbones, fine-tuned on a city's own cameras."""
