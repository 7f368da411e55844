"""From a benchmark to replies: prompts, controls, the runner that asks a model and keeps every reply."""
