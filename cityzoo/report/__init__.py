"""Reports of runs and evaluations: report.json, report.html, model card, TensorBoard."""
