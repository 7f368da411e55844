"""Terra-CoT: satellite scenes with label maps in, reasoning samples with verifiable masks and numbers out."""

__version__ = "0.1.0"
