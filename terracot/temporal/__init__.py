"""Questions about time: what changed between two labelled dates, and how a class went along three or more of them."""
