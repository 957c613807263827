"""Pictures of what was found and learned: one file per Display, and what several of them compute."""
