"""What users pass: checked, and held so that its rows slice together."""
