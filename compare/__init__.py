"""The judge, who knows every contestant, and the root of the command line."""
