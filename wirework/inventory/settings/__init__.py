"""What an inventory can say about reaching a host, and how it is read from variables."""

from wirework.inventory.settings.table import NAMES as NAMES
from wirework.inventory.settings.table import SETTINGS as SETTINGS
from wirework.inventory.settings.table import Setting as Setting
