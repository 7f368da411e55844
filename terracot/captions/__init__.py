"""Captions and referring phrases: the levels "caption" (Cap-CoT) and "refer", made from label maps and buildings."""
