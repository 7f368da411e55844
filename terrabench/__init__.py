"""TerraScope-Bench: builds the benchmark, runs any model on it, scores answers and masks."""
