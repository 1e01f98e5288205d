"""This machine: its names, addresses, interfaces and IPv6, as the kernel tells them."""
