"""Cases: what a channel's test file may say, and whether it holds; nothing is stored or sent."""
