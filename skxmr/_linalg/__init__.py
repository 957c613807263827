"""Covariances of two views and what is solved from them."""
