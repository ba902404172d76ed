"""Measurements on photographs and of time; each is a command, `python -m benchmarks.NAME`."""
