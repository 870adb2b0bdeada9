"""Pretraining of backbones: self-supervised on unlabeled examples, or contrastive with labels."""
