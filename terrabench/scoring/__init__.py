"""From replies to figures: results by item, scores, comparisons of runs, tables."""
