"""Measure metrics under corruptions and adversarial perturbations."""
