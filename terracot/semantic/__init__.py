"""Domain rules as questions: what land cover alone can say of farming, floods, habitats, heat, erosion and water.

Every rule is a *screening* rule: a pure function of masks and ground sampling with published thresholds. The kinds are
in ``terracot.semantic.kinds``; this package's face imports nothing, since ``terracot.quantities`` reads its measures.
"""
