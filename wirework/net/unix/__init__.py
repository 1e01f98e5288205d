"""Unix sockets: addresses, servers that nobody replaces, clients, and a child on a pair."""
