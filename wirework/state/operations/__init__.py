"""The operations: pure generators, one module a family. One exists when it is listed here."""

from wirework.state.operation import Operation
from wirework.state.operations.accounts import group, user
from wirework.state.operations.archive import archive
from wirework.state.operations.command import command, script
from wirework.state.operations.download import download
from wirework.state.operations.edits import block, replace
from wirework.state.operations.files import file, line, template
from wirework.state.operations.git import git
from wirework.state.operations.logins import authorized_key, sudoers
from wirework.state.operations.machine import cron, hostname, hosts, sysctl, timezone
from wirework.state.operations.packages import package
from wirework.state.operations.paths import absent, directory, link
from wirework.state.operations.repositories import repository
from wirework.state.operations.services import service
from wirework.state.operations.settings import ini, json, yaml
from wirework.state.operations.trees import tree
from wirework.state.operations.waiting import wait_for

OPERATIONS: dict[str, Operation] = {
    each.name: each
    for each in (
        *(absent, command, directory, file, line, link, template),
        *(archive, download, git, script),
        *(block, ini, json, replace, tree, yaml),
        *(authorized_key, cron, group, hostname, hosts, sudoers, sysctl, timezone, user),
        *(package, repository, service, wait_for),
    )
}
"""Every operation by its name."""
