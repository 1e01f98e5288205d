"""Addresses: their spellings, the nets they are in, byte orders, and the names of ports."""
