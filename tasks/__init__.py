"""Wirework's tasks: one module a collection, listed in ``namespace``."""
