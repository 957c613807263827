"""Models as folders that are safe to open, and encoders as files for other programs."""
