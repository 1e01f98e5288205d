"""The helpers behind Wirework's tasks: inventories, SSH, state, playbooks and the wire."""
