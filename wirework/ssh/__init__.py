"""Strict, pooled Fabric connections, and what is done over them."""

from __future__ import annotations

from wirework.ssh.channel import Sink as Sink
from wirework.ssh.commands import Ran as Ran
from wirework.ssh.commands import run as run
from wirework.ssh.pool import Pool as Pool
from wirework.ssh.remote import Remote as Remote
from wirework.ssh.transfer import Got as Got
from wirework.ssh.transfer import LocalFile as LocalFile
from wirework.ssh.transfer import Put as Put
from wirework.ssh.transfer import get as get
from wirework.ssh.transfer import put as put
