"""Each operation, ad hoc: one thing made true on hosts, as a play's step would."""

from __future__ import annotations

from .cli.operation_task import OperationTask

absent = OperationTask(
    "absent", "Have nothing at path; a folder goes only when it is empty, or recursive."
)
archive = OperationTask(
    "archive", "Have an archive (tar, also compressed, or zip) unpacked in the folder dest."
)
authorized_key = OperationTask(
    "authorized_key", "Have a public key, or several in a line each, let people in as user."
)
block = OperationTask(
    "block", "Have lines between two marker lines in a text file, or without present none."
)
command = OperationTask(
    "command", "Run a command, unless what it creates is there or unless ends with status 0."
)
cron = OperationTask("cron", "Have cron run a job by a file of its own, /etc/cron.d/NAME.")
directory = OperationTask("directory", "Have a folder at path, with the folders above it.")
download = OperationTask("download", "Have the file at dest that the host itself fetches from url.")
file = OperationTask(
    "file", "Have a file at dest with the given content, or that of the local file src."
)
git = OperationTask(
    "git", "Have a git repository checked out at dest, at the commit that version means."
)
group = OperationTask("group", "Have a group, or none of that name when present is false.")
hostname = OperationTask(
    "hostname", "Have the host bear a name: now, and after a restart by /etc/hostname."
)
hosts = OperationTask(
    "hosts", "Have names stand in /etc/hosts for ip, and for no other of its family."
)
ini = OperationTask(
    "ini", "Have an option of an ini file set to value, or nowhere when present is false."
)
json = OperationTask(
    "json", "Have value at a key of a JSON file, or nothing there when present is false."
)
line = OperationTask("line", "Have line in a text file once, or nowhere when present is false.")
link = OperationTask("link", "Have a symbolic link at path that points to to.")
package = OperationTask("package", "Have packages present, latest or absent, by apt, apk or dnf.")
replace = OperationTask(
    "replace", "Have everything that the regular expression match finds in a file replaced."
)
repository = OperationTask(
    "repository", "Have a repository of packages, with the key that signs it: for apt, apk or dnf."
)
script = OperationTask(
    "script", "Run the local script src on the host, with args; guarded as command is."
)
service = OperationTask(
    "service", "Have a service running or not, and enabled to start with the host or not."
)
sudoers = OperationTask(
    "sudoers", "Have rules for sudo in /etc/sudoers.d/NAME, once visudo has looked at them."
)
sysctl = OperationTask(
    "sysctl", "Have a kernel parameter at a value: now, and after a restart by file."
)
template = OperationTask(
    "template", "Have a file at dest with what the template src says for this host."
)
timezone = OperationTask(
    "timezone", "Have the host's clock shown in a time zone, such as Europe/Berlin."
)
tree = OperationTask("tree", "Have all that the local folder src holds in the folder dest.")
user = OperationTask("user", "Have a user, or none of that name when present is false.")
wait_for = OperationTask(
    "wait_for", "Wait until a path is there, a port listens or a URL answers, or time is up."
)
yaml = OperationTask(
    "yaml", "Have value at a key of a YAML file, or nothing there when present is false."
)
