"""What ~/.ssh/config says about a host, read as OpenSSH reads it.

paramiko's SSHConfig knows no Include and no line numbers, takes quotes off whole values only,
reads ``[`` in a pattern as a set, fills in fewer tokens, and runs the commands of Match exec.
The tests hold ours against ``ssh -G``. Source: ssh_config(5), and OpenSSH itself where that is
silent; two things differ: ``~`` is ``$HOME``, and no DNS is asked (CanonicalizeHostname).
"""

from __future__ import annotations

from wirework.ssh.config.files import SYSTEM as SYSTEM
from wirework.ssh.config.files import USER as USER
from wirework.ssh.config.lookup import Answer as Answer
from wirework.ssh.config.lookup import SSHConfig as SSHConfig
