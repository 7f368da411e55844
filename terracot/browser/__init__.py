"""The page of ``terracot browse``: HTML, style and scripts, as files that ``terracot.browse`` puts together."""
