"""Whether one method is better than another."""
