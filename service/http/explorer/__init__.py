"""The explorer: the catalogue for people's eyes, and the demo of the API."""
