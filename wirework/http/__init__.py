"""HTTP from this machine."""
