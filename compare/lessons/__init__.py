"""The history of the field, told by running it: six pages, every picture and number computed."""
