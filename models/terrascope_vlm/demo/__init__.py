"""A page on this machine to ask a model from: images are dropped, words stream, masks appear in the reasoning.

It is served by the standard library on 127.0.0.1 alone and needs nothing from the network. Its address holds a secret;
without that, or by another name than its own (a rebound DNS name, another site's script), nothing is answered.
"""


class DemoError(ValueError):
    """What the page cannot do, in words for the one who asked."""
