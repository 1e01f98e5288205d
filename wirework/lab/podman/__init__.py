"""The podman driver: containers with an address, a filesystem, processes and sshd of their own."""
