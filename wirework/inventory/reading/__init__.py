"""From files to hosts: what each says, put together, and laid over each other."""
