"""Statistics of scores: pure functions of arrays, with numpy and ``scipy.special`` alone.

- ``groups``: items of one place or event belong together; sums by group.
- ``spread``: how far a figure would move had other groups been drawn (bootstrap, or jackknife and t).
- ``intervals``: 95 % intervals of shares, means and macro means.
- ``chance``: what guessing gives, exactly.
- ``association``: how IoU and correctness go together.
- ``paired``: two models on the same items; Holm's correction.
- ``power``: what a set of items can show at all.

Nothing here returns NaN: what is not defined is None.
"""
