"""Spectral evidence: what the bands of an image say of a region, measured as normalised differences of reflectance."""
