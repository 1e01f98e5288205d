"""Shell functions for hosts, a text for each family; they load without the operations."""
