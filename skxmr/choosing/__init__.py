"""Which method for which data: recommendations by facts of the data, and a search within a time budget."""
