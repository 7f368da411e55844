"""Vision-language models of the library transformers, through one adapter; what differs between families is data."""
