"""Who may come to the console and its API, and what they may do there."""
