"""The helpers behind Wirework's tasks: inventories, SSH, state, playbooks and the wire."""

__version__ = "0.1.0"
