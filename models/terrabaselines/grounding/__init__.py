"""Boxes and points in the replies of vision-language models, as masks on the grid of the scene."""
