"""People who prove themselves by a key of their own: who they are, and what they may do."""
