"""The retrieval methods, one file each; none imports another."""
