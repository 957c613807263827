"""The page: an index that is searched in a browser, and by other programs over HTTP."""
