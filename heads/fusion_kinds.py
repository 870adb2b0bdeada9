"""Ways to fuse modalities, by name; apart from their layers, so that flags are read without loading Keras."""

LATE = "late"  # mean of the calibrated probabilities of one head for each modality
CONCAT = "concat"  # the features one after the other
GATED = "gated"  # a weight for each modality (Arevalo et al. 2017, arXiv 1702.01992)
CROSS_ATTENTION = "cross_attention"  # modalities attend to each other (Vaswani et al. 2017, arXiv 1706.03762)
FUSIONS = (LATE, CONCAT, GATED, CROSS_ATTENTION)
