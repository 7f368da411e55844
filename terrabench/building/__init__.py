"""From scenes to a benchmark: findings, robustness, options, shares, rows, card; recipes that pin whole benchmarks."""
