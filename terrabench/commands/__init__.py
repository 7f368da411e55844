"""The commands of ``terrabench``, a file each."""
