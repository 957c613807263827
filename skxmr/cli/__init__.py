"""The command `skxmr`: from a table of image files to a model, tags and a search, in a shell."""
