"""Phrasings of the level l2-spatial, in one module per topic."""
