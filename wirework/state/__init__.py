"""Wished state: facts asked in one breath, operations that compare, rounds that apply."""

from wirework.state.apply import apply as apply
from wirework.state.converge import Executor as Executor
from wirework.state.converge import converge as converge
from wirework.state.course import Item as Item
from wirework.state.operation import Operation as Operation
from wirework.state.operation import Wish as Wish
from wirework.state.operations import OPERATIONS as OPERATIONS
from wirework.state.results import Converged as Converged
from wirework.state.results import Done as Done
from wirework.state.results import Promise as Promise
from wirework.state.results import StepResult as StepResult
from wirework.state.results import StepStatus as StepStatus
