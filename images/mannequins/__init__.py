"""Drawn mannequins: artist's lay figures in scenes, and controls that are hard for good reasons."""

from images.mannequins.drawing import Drawing, Swap, draw
from images.mannequins.subjects import CONTROLS, KINDS
from images.mannequins.truth import Part, Truth

__all__ = ["CONTROLS", "KINDS", "Drawing", "Part", "Swap", "Truth", "draw"]
