"""Handing TCP and Unix connections on to a target, as they are or as over a bad network."""

from wirework.net.forward.forwarder import Crossing as Crossing
from wirework.net.forward.forwarder import Forwarded as Forwarded
from wirework.net.forward.forwarder import carry as carry
from wirework.net.forward.forwarder import forward as forward
from wirework.net.forward.forwarder import networks as networks
from wirework.net.forward.forwarding import Route as Route
from wirework.net.forward.shape import Shape as Shape
from wirework.net.forward.shape import shape as shape
from wirework.net.forward.targets import Target as Target
from wirework.net.forward.targets import place as place
from wirework.net.forward.targets import target as target
