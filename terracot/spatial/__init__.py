"""The level l2-spatial: relations between classes, such as sizes, neighbours and places, in one module per topic."""
