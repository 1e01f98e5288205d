"""Logging in: keys, agents, passwords, and the dialogue in which they are tried (RFC 4252)."""
