"""Baselines and reference models for TerraScope-Bench that need no repository edit to run."""
