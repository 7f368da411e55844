"""The page of ``terracot browse``: its HTML, style and scripts, as files that are put together by ``terracot.browse``."""
