"""Retrievers that compare the regions of an image with the words of a text, and make no embeddings."""
