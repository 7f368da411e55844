"""SAM 2 by the package sam2 (extra ``sam2``)."""
