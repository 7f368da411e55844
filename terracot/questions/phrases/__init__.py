"""Phrasings: what questions and steps are worded with, one module per module of ``terracot.questions`` that asks.

A list is a tuple of at least twenty phrasings, each of which carries all that its question needs. ``{slot}`` and
``{slot:singular|plural}`` are filled by ``Writer.fill``, which also writes the first letter upper case. The asking
module says which slots there are. In every phrasing:

* nothing goes before a class name that it cannot bear: "the {name}", "any {name}" or bare, never "a {name}";
* verbs and pronouns agree with the name, ``{name:takes up its part|take up their part}`` (and the verb is not "to
  cover", since "tree cover covers" is clumsy), and nouns with their number, for which
  ``{pixels:+pixel}`` stands ("1 pixel", "2 pixels"); "there {name:is|are}" is avoided, since "there are snow and ice"
  is no English;
* digits come from slots alone; numbers in words are only those that define something ("eight neighbours");
* the question stands in the first sentence, since "In image 2," or "According to the map," may be put before it.
"""
