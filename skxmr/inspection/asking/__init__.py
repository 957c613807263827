"""What pictures, explanations, reports and comparisons ask of fitted models."""
