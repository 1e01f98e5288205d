"""Inventory files of every format, each read into the same trees of groups."""

from __future__ import annotations

from wirework.inventory.reading.sources.files import EXAMPLE as EXAMPLE
from wirework.inventory.reading.sources.files import Files as Files
from wirework.inventory.reading.sources.files import Section as Section
from wirework.inventory.reading.sources.folder import files as files
