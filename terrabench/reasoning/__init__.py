"""What a reply claims on its way: statements about masks checked against them, and where an error begins."""
