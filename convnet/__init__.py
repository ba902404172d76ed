"""The contestant of 2014: convolutional networks, trained or pretrained, and their explanations."""

from convnet.deconvnet import Projection, deconvnet
from convnet.models import Model, load
from convnet.occlusion import OcclusionMap, occlusion_maps

__all__ = ["Model", "OcclusionMap", "Projection", "deconvnet", "load", "occlusion_maps"]
