"""What the engine counts, kept over restarts and processes: who writes the history, and who reads it."""
