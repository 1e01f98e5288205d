"""The wire from this machine: addresses, names, time, sockets, servers."""
