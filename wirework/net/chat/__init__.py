"""A chat room: JSON lines for programs, plain text for people with nc, one service."""

from wirework.net.chat.room import RoomLimits as RoomLimits
from wirework.net.chat.service import Chat as Chat
