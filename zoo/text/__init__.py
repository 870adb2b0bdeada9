"""Text backbones: BERT-family encoders with weights of Hugging Face folders, and TF-IDF, which needs none."""
