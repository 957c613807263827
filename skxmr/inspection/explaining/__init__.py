"""Why an item was found."""
