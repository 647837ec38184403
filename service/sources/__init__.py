"""Published catalogues, each read by one module into rows of the domain.

A source's `read` gives a `catalog.Catalogue`: rows, and by name whatever cannot be stored.
"""
