"""Servers: a service says what is answered, a model says how its clients are waited for."""

from wirework.serving.service import Peer as Peer
from wirework.serving.service import Service as Service
from wirework.serving.service import Session as Session
from wirework.serving.service import Wire as Wire
