"""Playbooks: plays over groups of hosts, checked whole before anything is touched."""

from wirework.playbook.bind import PlayWork as PlayWork
from wirework.playbook.bind import describe as describe
from wirework.playbook.load import Catalogue as Catalogue
from wirework.playbook.load import LocalTask as LocalTask
from wirework.playbook.load import load as load
from wirework.playbook.load import load_role as load_role
from wirework.playbook.load import project_of as project_of
from wirework.playbook.model import Play as Play
from wirework.playbook.model import Playbook as Playbook
from wirework.playbook.model import Role as Role
from wirework.playbook.plan import Plan as Plan
from wirework.playbook.plan_file import load_plan as load_plan
from wirework.playbook.plan_file import save_plan as save_plan
from wirework.playbook.render import Renderer as Renderer
from wirework.playbook.results import HostResult as HostResult
from wirework.playbook.results import PlayResult as PlayResult
from wirework.playbook.results import RunResult as RunResult
from wirework.playbook.results import Verified as Verified
from wirework.playbook.run import PlayWatcher as PlayWatcher
from wirework.playbook.run import prepare as prepare
from wirework.playbook.run import run as run
