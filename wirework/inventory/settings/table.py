"""What an inventory can say about reaching a host: one table for reading, messages and schema."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from wirework.inventory.settings import kinds

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wirework.inventory.settings.kinds import Read


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One field of Host: the variables that say it and what they must be.

    ``name`` is the field's and our variable's name. ``ansible`` are Ansible's names for it, the
    weakest first. ``read`` takes a value of ours and the folder that relative paths are below,
    and returns what Host holds; ``theirs`` does so for Ansible's names, which take ``"22"`` and
    ``"yes"`` as well. Both raise Unfit for what is not as ``expects`` says.
    ``optional`` ones can be taken back with ``null``; ``secret`` ones never show.
    ``schema`` is the JSON Schema of our variable.
    """

    name: str
    says: str
    expects: str
    read: Read
    schema: Mapping[str, Any]
    theirs: Read | None = None
    ansible: tuple[str, ...] = ()
    optional: bool = True
    secret: bool = False


_PORT = kinds.whole_number(1, kinds.MAX_PORT)
_RETRIES = kinds.whole_number(0, kinds.MAX_RETRIES)
_TEXT: Mapping[str, Any] = {"type": "string", "minLength": 1}
# Letters beyond ASCII are not told apart here, as editors do not agree on what they are.
_HOST_NAME: Mapping[str, Any] = {
    "type": "string",
    "pattern": "^(?:[0-9A-Za-z_\u0080-\uffff]|::)[0-9A-Za-z_\u0080-\uffff.:%-]*$",
}
_USER_NAME: Mapping[str, Any] = {"type": "string", "pattern": "^[^\\s-]\\S*$"}
_SECRET: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "secret": {
            "type": "string",
            "pattern": "^(?:env|file|prompt|command|keyring|vault):.*\\S",
        }
    },
    "required": ["secret"],
    "additionalProperties": False,
}

SETTINGS: tuple[Setting, ...] = (
    Setting(
        name="address",
        says="name or IP address to connect to; without it the host's name",
        expects="a host name or an IP address",
        read=kinds.host_name,
        schema=_HOST_NAME,
        theirs=kinds.their_text(kinds.host_name),
        ansible=("ansible_host", "ansible_ssh_host"),
        optional=False,
    ),
    Setting(
        name="port",
        says="the port of its SSH server; without it what ssh_config says, or 22",
        expects=f"a number from 1 to {kinds.MAX_PORT}",
        read=_PORT,
        schema={"type": "integer", "minimum": 1, "maximum": kinds.MAX_PORT},
        theirs=kinds.their_number(_PORT),
        ansible=("ansible_port", "ansible_ssh_port"),
    ),
    Setting(
        name="user",
        says="who logs in; without it what ssh_config says, or you",
        expects="the name of a user",
        read=kinds.user_name,
        schema=_USER_NAME,
        theirs=kinds.their_text(kinds.user_name),
        ansible=("ansible_user", "ansible_ssh_user"),
    ),
    Setting(
        name="key",
        says="a private key; without it those of ssh_config, of your agent and ~/.ssh/id_*",
        expects="the path of a private key",
        read=kinds.path,
        schema=_TEXT,
        theirs=kinds.path,
        ansible=("ansible_private_key_file", "ansible_ssh_private_key_file"),
    ),
    Setting(
        name="key_passphrase",
        says="what opens the private key",
        expects="a secret",
        read=kinds.a_secret,
        schema=_SECRET,
        theirs=kinds.a_secret,
        ansible=("ansible_ssh_private_key_passphrase",),
        secret=True,
    ),
    Setting(
        name="password",
        says="the password of the user who logs in",
        expects="a secret",
        read=kinds.a_secret,
        schema=_SECRET,
        theirs=kinds.a_secret,
        ansible=("ansible_password", "ansible_ssh_pass", "ansible_ssh_password"),
        secret=True,
    ),
    Setting(
        name="known_hosts",
        says="a file with host keys, beside yours and the system's",
        expects="the path of a known_hosts file",
        read=kinds.path,
        schema=_TEXT,
    ),
    Setting(
        name="host_keys",
        says="strict refuses a host with an unknown key, accept-new adds its key",
        expects="strict or accept-new",
        read=kinds.one_of("strict", "accept-new"),
        schema={"enum": ["strict", "accept-new"]},
    ),
    Setting(
        name="gateway",
        says="another host of the inventory to go through; null for none whatever ssh_config says",
        expects="the name of a host of this inventory",
        read=kinds.host_name,
        schema=_HOST_NAME,
    ),
    Setting(
        name="become",
        says="whether to work as somebody else than who logs in",
        expects="true or false",
        read=kinds.switch,
        schema={"type": "boolean"},
        theirs=kinds.their_switch,
        ansible=("ansible_become",),
        optional=False,
    ),
    Setting(
        name="become_user",
        says="whom to become; without it root",
        expects="the name of a user",
        read=kinds.user_name,
        schema=_USER_NAME,
        theirs=kinds.their_text(kinds.user_name),
        ansible=("ansible_become_user",),
        optional=False,
    ),
    Setting(
        name="become_method",
        says="how to become somebody else: sudo, su or doas",
        expects="sudo, su or doas",
        read=kinds.one_of("sudo", "su", "doas"),
        schema={"enum": ["sudo", "su", "doas"]},
        theirs=kinds.their_word,
        ansible=("ansible_become_method",),
        optional=False,
    ),
    Setting(
        name="become_password",
        says="the password that becoming somebody else asks for",
        expects="a secret",
        read=kinds.a_secret,
        schema=_SECRET,
        theirs=kinds.a_secret,
        ansible=(
            *("ansible_sudo_pass", "ansible_su_pass"),
            *("ansible_become_password", "ansible_become_pass"),
        ),
        secret=True,
    ),
    Setting(
        name="connect_timeout",
        says="seconds until a host that says nothing counts as unreachable",
        expects="a number of seconds above 0",
        read=kinds.seconds,
        schema={"type": "number", "exclusiveMinimum": 0},
        theirs=kinds.their_number(kinds.seconds),
        ansible=("ansible_ssh_timeout",),
    ),
    Setting(
        name="connect_retries",
        says="how often to try again when a host cannot be reached",
        expects=f"a number from 0 to {kinds.MAX_RETRIES}",
        read=_RETRIES,
        schema={"type": "integer", "minimum": 0, "maximum": kinds.MAX_RETRIES},
        theirs=kinds.their_number(_RETRIES),
        ansible=("ansible_ssh_retries",),
    ),
    Setting(
        name="ssh_config",
        says="the ssh_config(5) to read in place of ~/.ssh/config; none for no file at all",
        expects="the path of an ssh_config file, or none",
        read=kinds.config,
        schema=_TEXT,
    ),
    Setting(
        name="ssh_options",
        says="keywords of ssh_config(5) and their values, which win over that file",
        expects="a mapping of ssh_config keywords to their values",
        read=kinds.options,
        schema={
            "type": "object",
            "additionalProperties": {"type": ["string", "number", "boolean"]},
        },
        theirs=kinds.their_options,
        ansible=("ansible_ssh_extra_args", "ansible_ssh_common_args"),
    ),
    Setting(
        name="connection",
        says="ssh, or another program's word for a way that is not ours",
        expects="a word such as ssh",
        read=kinds.word,
        schema=_TEXT,
        theirs=kinds.their_word,
        ansible=("ansible_connection",),
        optional=False,
    ),
)

NAMES: Mapping[str, tuple[Setting, int]] = MappingProxyType(
    {
        variable: (setting, weight)
        for setting in SETTINGS
        for weight, variable in enumerate((*setting.ansible, setting.name))
    }
)
"""Every variable that says a setting, and its weight: of several, the heaviest counts."""
