"""Inventories: files in, frozen hosts and groups out, and patterns to choose among them.

>>> fleet = load(find())
>>> fleet.select("web:&prod:!web03")
"""

from __future__ import annotations

from wirework.inventory.find import find as find
from wirework.inventory.load import load as load
from wirework.inventory.load import read as read
from wirework.inventory.model import Group as Group
from wirework.inventory.model import Host as Host
from wirework.inventory.model import Inventory as Inventory
from wirework.inventory.model import Layer as Layer
from wirework.inventory.ranges import expand as expand
from wirework.inventory.ranges import fold as fold
