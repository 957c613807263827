"""What Displays, explanations and reports draw with: axes, words that fonts can show, and pictures of items."""
