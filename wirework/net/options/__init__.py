"""What a socket's options are, and what the kernel makes of those that are set."""

from wirework.net.options.options import Change as Change
from wirework.net.options.options import Option as Option
from wirework.net.options.options import SocketOptions as SocketOptions
from wirework.net.options.options import socket_options as socket_options
