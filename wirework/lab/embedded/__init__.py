"""The embedded driver: SSH servers of one background process on loopback ports, without root."""
