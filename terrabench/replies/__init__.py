"""What a reply says: the one answer parser, parsing saved replies again, and the released scorer beside ours."""
