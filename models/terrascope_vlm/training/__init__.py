"""Training on Terra-CoT folders: reading and shuffling, examples, the loop, checkpoints, the command ``train``.

Nothing that reads settings or lists options imports torch; what needs it is imported where it is used.
"""
