"""How good a model is, query by query and label by label, as tables and as a page."""
