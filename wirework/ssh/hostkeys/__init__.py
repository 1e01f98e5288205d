"""Host keys: what known_hosts files hold, who is believed, and the refusal of everyone else."""

from __future__ import annotations

from wirework.ssh.hostkeys.check import ALGORITHMS as ALGORITHMS
from wirework.ssh.hostkeys.check import HostKeys as HostKeys
from wirework.ssh.hostkeys.check import Policy as Policy
from wirework.ssh.hostkeys.check import key_type as key_type
from wirework.ssh.hostkeys.known import Marker as Marker
from wirework.ssh.hostkeys.known import default_known_hosts as default_known_hosts
from wirework.ssh.hostkeys.known import entry_name as entry_name
from wirework.ssh.hostkeys.known import fingerprint as fingerprint
from wirework.ssh.hostkeys.known import known_name as known_name
from wirework.ssh.hostkeys.verdict import State as State
from wirework.ssh.hostkeys.verdict import Verdict as Verdict
from wirework.ssh.hostkeys.verdict import advice as advice
from wirework.ssh.hostkeys.verdict import removal as removal
