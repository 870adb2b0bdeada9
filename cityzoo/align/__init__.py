"""Contrastive alignment of images and sentences: find images by words, classify them by prompts."""
