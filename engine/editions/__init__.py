"""Editions: deployed sets of channels, kept whole, told apart by the hash of what they are made of."""
