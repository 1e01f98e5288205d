"""Unix sockets: their addresses, binding them safely, and who is at the other end."""
