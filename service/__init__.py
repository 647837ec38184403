"""AICompare's data service: AI models, their providers, prices over time and benchmark scores."""

__version__ = "0.1.0"
