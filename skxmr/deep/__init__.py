"""What all deep methods share: the split, batches, and the training by skorch that keeps the best epoch."""
