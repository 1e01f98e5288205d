from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.inventory.test_like_ansible import DATA, PASSWORD
from wirework.errors import BadInput, WireworkError
from wirework.inventory import load, read
from wirework.inventory.reading.sources import script
from wirework.secrets import Secret

WriteAll = Callable[[Mapping[str, str]], Path]


def _mistakes(*sources: Path) -> list[str]:
    """Return what is wrong, the folder of the first source written as ROOT."""
    return [str(each).replace(str(sources[0].parent), "ROOT") for each in read(sources)[1]]


# What a file is


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("hosts", "[web]\nweb1 x=1\n"),
        ("hosts", "; a comment\n\n# another\n[web]\nweb1 x=1\n"),
        ("hosts", "web: {hosts: {web1: {x: 1}}}"),
        ("hosts", "# a comment\n---\nweb:\n  hosts: {web1: {x: 1}}\n"),
        ("hosts", '"web":\n  hosts: {web1: {x: 1}}\n'),
        ("hosts.prod", "{web: {hosts: {web1: {x: 1}}}}"),
        ("hosts.ini", "[web]\nweb1 x=1"),
        ("hosts.json", '{"web": {"hosts": {"web1": {"x": 1}}}}'),
        ("hosts.yml", "\ufeffweb: {hosts: {web1: {x: 1}}}"),
        (
            "hosts",
            '#!/bin/sh\necho \'{"web": ["web1"], "_meta": {"hostvars": {"web1": {"x": 1}}}}\'',
        ),
    ],
)
def test_a_file_says_itself_of_what_format_it_is(write_all: WriteAll, name: str, text: str) -> None:
    fleet = load(write_all({name: text}) / name)
    assert {host.name: (host.groups, dict(host.vars)) for host in fleet.hosts.values()} == {
        "web1": (("web",), {"x": 1})
    }


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("i.toml", "[web]", "ROOT/i.toml: inventories in TOML are not read (ansible-inventory -i"),
        (
            "i.yaml",
            "# it is\nplugin: amazon.aws.aws_ec2\nregions: [eu-west-1]",
            "ROOT/i.yaml:2: this sets up Ansible's inventory plugin amazon.aws.aws_ec2 (let a",
        ),
        ("i.json", "{", "ROOT/i.json:1: this is not JSON: expecting property name enclosed in"),
        ("i.json", "[" * 100_000, "ROOT/i.json: this is no JSON that can be read"),
        (
            "i.json",
            '{"web": {"hosts": {"web1": {"port": 0}}}}',
            "ROOT/i.json (web.hosts.web1.port): port must be a number from 1 to 65535, not 0",
        ),
        (
            "i.json",
            '{"web": {"vars": {"x": ' + '{"y": ' * 200 + "1" + "}" * 200 + "}}}",
            "ROOT/i.json (web.vars.x): this is nested deeper than 100 levels",
        ),
        ("hosts", "all: {}\n", "ROOT/hosts:1: there are no hosts in it (write all: {hosts"),
        ("hosts", "all:\nhosts:\nweb1:\n", "ROOT/hosts:2: 'hosts' stands outside of any group"),
    ],
)
def test_what_is_no_inventory_says_so(write_all: WriteAll, name: str, text: str, says: str) -> None:
    assert _mistakes(write_all({name: text}) / name)[0].startswith(says)


# INI


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[web\nweb1", "1: the brackets in '[web' do not pair up"),
        ("[we b]\nweb1", "1: '[we b]' is no section's name (write [name], without spaces)"),
        (
            "[web:hots]\nweb1",
            "1: a section is [web], [web:children] or [web:vars], not '[web:hots]'",
        ),
        ("[web]\nweb1 ansible_password hunter2", "2: after a host's name stands name=value, in"),
        ("[web]\nweb1 ansible_password =hunter2", "2: after a host's name stands name=value, in"),
        ('[web]\nweb1 a="b', "2: there is a quote here that is opened and never closed"),
        ("[web]\nweb:", "2: 'web:' cannot be a host's name (is this YAML? Then the file's name"),
        (
            "[web:vars]\nansible_password hunter2\n[web]\na",
            "2: this line is no variable: write name=value",
        ),
        (
            "[web]\na\n[web:vars]\nx=1\nx=2",
            "5: the variable 'x' is given twice; line 4 has it",
        ),
        ("[web:children]\na:b\n[c]\nd", "2: 'a:b' is no group's name"),
        (
            "[web]\na\n[wbe:vars]\nx=1",
            "3: the group 'wbe' has variables here but described nowhere",
        ),
        ("[web:children]\ndb\n[d]\na", "2: the group 'db' is listed here but described nowhere"),
        ("[web]\nweb[3:1]", "2: '3:1' in 'web[3:1]' does not count upwards"),
        ("[web]\nweb1 port=x", "2: port must be a number from 1 to 65535, not 'x'"),
        ("[web]\n-x a=1", "2: '-x' cannot be a host's name"),
    ],
)
def test_mistakes_in_ini_name_their_line(write_all: WriteAll, text: str, says: str) -> None:
    mistakes = _mistakes(write_all({"hosts.ini": text}) / "hosts.ini")
    assert mistakes[0].startswith(f"ROOT/hosts.ini:{says}")
    assert "hunter2" not in "".join(mistakes)


def test_lines_below_a_section_that_cannot_be_read_are_passed_over(write_all: WriteAll) -> None:
    path = write_all({"hosts": "[a b]\nx y\n[web:x]\nx y\n[web]\nweb1\n"}) / "hosts"
    inventory, mistakes = read(path)
    assert inventory is not None
    assert (list(inventory.hosts), len(mistakes)) == (["web1"], 2)


# Programs


def _program(write_all: WriteAll, body: str) -> Path:
    return write_all({"fleet": f"#!/bin/sh\n{body}\n"}) / "fleet"


def test_a_program_runs_in_its_folder_with_nothing_to_read(
    write_all: WriteAll, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = _program(write_all, 'cat; echo "{\\"web\\": [\\"$(basename "$PWD")\\"]}"')
    monkeypatch.chdir(path.parent.parent)
    fleet = load(path.relative_to(path.parent.parent))
    assert list(fleet.hosts) == [path.parent.name]


def test_a_program_without_the_executable_bit_is_text(write_all: WriteAll) -> None:
    path = _program(write_all, "[web]")
    path.chmod(0o644)
    assert list(load(write_all({"fleet2": "[web]\nweb1"}) / "fleet2").hosts) == ["web1"]
    assert not script.is_script(path)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (
            "echo one >&2; echo '  two' >&2; exit 3",
            "--list: this program ended with status 3: one two",
        ),
        ("kill -9 $$", "--list: this program ended with status -9"),
        ("echo '['", "--list:2: this is not JSON: expecting value"),
        ("echo '[]'", "--list: this program must print a JSON object"),
        ("true", "--list:1: this is not JSON: expecting value"),
        ("printf '\\377'", "--list: this program did not print UTF-8 text"),
        ("yes", "--list: this program prints more than 10 MB"),
        ("echo '{\"web\": 5}'", "--list (web): hosts must be a list of names"),
        ("echo '{\"web\": [5]}'", "--list (web): hosts must be a list of names"),
        ('echo \'{"web": {"vars": []}}\'', "--list (web): vars must be a mapping"),
        (
            'echo \'{"web": {"hots": []}}\'',
            "--list (web): the group 'web' cannot hold 'hots' (only hosts, children and vars)",
        ),
        (
            'echo \'{"web": ["a"], "_meta": {"hostvars": {"a": {"port": 0}}}}\'',
            "--list (_meta.hostvars.a.port): port must be a number from 1 to 65535, not 0",
        ),
        (
            'test $1 = --list && echo \'{"web": ["a"]}\'',
            "--host a: this program ended with status 1",
        ),
    ],
)
def test_a_program_that_fails_says_how(write_all: WriteAll, body: str, says: str) -> None:
    assert _mistakes(_program(write_all, body)) == [f"ROOT/fleet {says}"]


def test_a_program_without_its_interpreter_says_so(write_all: WriteAll) -> None:
    path = write_all({"fleet": "#!/no/such\n"}) / "fleet"
    assert _mistakes(path) == [
        "ROOT/fleet --list: cannot run this program: no such file or directory"
    ]


@pytest.mark.parametrize(
    "body", ["sleep 600", "sleep 600 & exec >&- 2>&-; sleep 600", "sleep 600 & exit"]
)
def test_a_program_that_hangs_is_ended_with_its_children(
    write_all: WriteAll, monkeypatch: pytest.MonkeyPatch, body: str
) -> None:
    monkeypatch.setattr(script, "TIMEOUT", 0.3)
    path = _program(write_all, f"echo $$ > pid; {body}")
    assert _mistakes(path) == ["ROOT/fleet --list: this program has not ended within 0.3 s"]
    group = int((path.parent / "pid").read_text())
    deadline = time.monotonic() + 10
    while _lives(group) and time.monotonic() < deadline:  # the kernel buries orphans in its time
        time.sleep(0.01)
    assert not _lives(group)


def _lives(group: int) -> bool:
    for entry in Path("/proc").iterdir():
        try:
            stat = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if stat[2] == str(group) and stat[0] != "Z":
            return True
    return False


# Anything at all

_SNIPPETS = st.sampled_from(
    [
        *(
            "[web]",
            "[web:vars]",
            "[web:children]",
            "web:",
            "all:",
            "  hosts:",
            "  vars:",
            "  children:",
        ),
        *(
            "web[1:3]",
            "web1:22",
            "[::1]:22",
            "x=1",
            "x: 1",
            "ansible_port: '{{ x }}'",
            "x={'a': [1,]}",
        ),
        *(
            "{",
            "}",
            "[",
            "]",
            '"',
            "'",
            ":",
            "=",
            "#",
            ";",
            ",",
            "-",
            "&a",
            "*a",
            "<<: *a",
            "!vault x",
        ),
        *(
            "\n",
            "\n  ",
            "\n    ",
            " ",
            "\t",
            "\\",
            "\x00",
            "é",
            "null",
            "{secret: 'env:X'}",
            "$(id)",
        ),
    ]
)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pieces=st.lists(_SNIPPETS, max_size=30), name=st.sampled_from(["i", "i.yaml", "i.json"]))
def test_whatever_stands_in_a_file_is_an_inventory_or_bad_input(
    tmp_path: Path, pieces: list[str], name: str
) -> None:
    path = tmp_path / name
    path.write_text("".join(pieces))
    inventory, mistakes = read(path)
    assert inventory or mistakes
    assert all(isinstance(each, BadInput) and str(path) in str(each) for each in mistakes)


# Several


def test_a_folder_notes_the_ini_files_that_it_leaves_out(write_all: WriteAll) -> None:
    root = write_all({"inv/hosts.yaml": "web: {hosts: {a: }}", "inv/more.ini": "[web]\nb\n"})
    fleet = load([root / "inv"])
    assert list(fleet.hosts) == ["a"]
    assert fleet.notes == (
        f"{root}/inv/more.ini: is left out, as Ansible leaves out .ini files of a folder",
    )


def test_files_for_no_group_or_host_are_noted(write_all: WriteAll) -> None:
    root = write_all(
        {
            "hosts.yaml": "web: {hosts: {a: }}",
            "group_vars/wbe.yml": "x: 1",
            "host_vars/b": "x: 1",
            "host_vars/a": "x: 1",
        }
    )
    assert load(root / "hosts.yaml").notes == (
        f"{root}/group_vars/wbe.yml: is for no group or host of this inventory",
        f"{root}/host_vars/b: is for no group or host of this inventory",
    )


@pytest.mark.parametrize("place", ["inv", "inv/group_vars/web"])
def test_a_folder_that_leads_into_itself_is_refused(write_all: WriteAll, place: str) -> None:
    root = write_all({"inv/hosts.yaml": "web: {hosts: {a: }}", "inv/group_vars/web/x.yml": "x: 1"})
    (root / place / "loop").symlink_to(root / place)
    (mistake,) = read([root / "inv"])[1]
    loops = "/loop" * 10
    assert str(mistake) == f"{root}/{place}{loops}: folders stand deeper than 10 levels here"


def test_a_link_to_nowhere_is_no_file_of_variables(write_all: WriteAll) -> None:
    root = write_all({"hosts.yaml": "web: {hosts: {a: }}", "group_vars/web.yaml": "x: 1"})
    (root / "group_vars" / "web").symlink_to("/no/such")
    assert load(root / "hosts.yaml").hosts["a"].vars == {"x": 1}


# Vaults


def test_a_whole_file_in_a_vault_gives_secrets_and_plain_settings(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("WIREWORK_VAULT", raising=False)
    monkeypatch.setenv("ANSIBLE_VAULT_PASSWORD_FILE", str(PASSWORD))
    host = load(DATA / "vaulted" / "hosts.yaml").hosts["web1"]
    file = DATA / "vaulted" / "group_vars" / "web" / "vault.yml"
    assert (host.user, host.port) == ("deploy", 2222)
    assert host.password == Secret(f"vault:{file}#ansible_password", str)
    assert host.password.reveal() == "hunter4"
    assert host.vars["vault_map"]["list"][1]["y"] == Secret(f"vault:{file}#vault_map.list.1.y", str)
    assert (host.vars["vault_flag"], host.vars["vault_nothing"]) == (True, None)
    assert "s3cret" not in repr(host)


def test_a_vault_without_its_password_is_told_with_its_place(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("WIREWORK_VAULT", "ANSIBLE_VAULT_PASSWORD_FILE", "ANSIBLE_VAULT_IDENTITY_LIST"):
        monkeypatch.delenv(name, raising=False)
    inventory, mistakes = read(DATA / "vaulted" / "hosts.yaml")
    assert inventory is not None
    # What only hides values is opened when they are used; the rest is needed now.
    places = [str(mistake).removeprefix(f"{DATA}/vaulted/").split(": ")[0] for mistake in mistakes]
    assert places == ["hosts.yaml:24", "group_vars/web/vault.yml:1", "host_vars/web2:1"]


def test_a_whole_inventory_may_be_in_a_vault(
    write_all: WriteAll, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WIREWORK_VAULT", str(PASSWORD))
    host = load(DATA / "vaulted_whole" / "hosts").hosts["web1"]
    assert (host.address, host.groups) == ("192.0.2.1", ("web",))
    assert host.vars["token"].reveal() == "s3cret"


# All mistakes


def test_every_mistake_is_told_once_and_in_order(write_all: WriteAll) -> None:
    root = write_all(
        {
            "hosts.yaml": """\
            all:
              vars: {port: none, gateway: gat}
              vars: {x: 1}
            web:
              host: {web1: }
              hosts:
                web1: {ansible_password: [x]}
                web[1:2: {}
                -bad:
                gate: {user: ""}
              children: {wbe: , loop: }
            loop: {children: {web: }}
            bad name: {}
            mail: [a]
        """,
            "group_vars/web.yml": "- a\n",
            "group_vars/all.yml": "x: {secret: nothing}\n",
        }
    )
    path = root / "hosts.yaml"
    assert _mistakes(path)[:-1] == [
        "ROOT/hosts.yaml:2: port must be a number from 1 to 65535, not 'none'",
        "ROOT/hosts.yaml:3: the key 'vars' is given twice; line 2 has it",
        "ROOT/hosts.yaml:5: the group 'web' cannot hold 'host' (did you mean hosts?)",
        (
            "ROOT/hosts.yaml:7: ansible_password must not be written out in an inventory"
            ' (write ansible_password: {secret: "env:NAME"})'
        ),
        "ROOT/hosts.yaml:8: the brackets in 'web[1:2' do not pair up",
        "ROOT/hosts.yaml:9: '-bad' cannot be a host's name (letters, digits and _ . : - only)",
        "ROOT/hosts.yaml:10: user must be the name of a user, not ''",
        (
            "ROOT/hosts.yaml:11: the group 'wbe' is listed here but described nowhere"
            " (did you mean web?)"
        ),
        "ROOT/hosts.yaml:11: groups are each other's children: web > loop > web",
        "ROOT/hosts.yaml:13: 'bad name' cannot be a group's name (letters, digits and _ . - only)",
    ]
    with pytest.raises(WireworkError, match=r"and 10 more: ./inv inventory.check\)$"):
        load(path)


def test_what_can_be_read_is_there_beside_the_mistakes(write_all: WriteAll) -> None:
    root = write_all(
        {
            "hosts.yaml": "web: {vars: {port: 0, user: me, gateway: gat}, hosts: {web1: , gate: }}",
            "group_vars/web.yml": "- a\n",
            "group_vars/all.yml": "x: {secret: nothing}\ny: 1\n",
        }
    )
    inventory, mistakes = read(root / "hosts.yaml")
    assert inventory is not None
    assert (inventory.hosts["web1"].user, inventory.hosts["web1"].vars["y"]) == ("me", 1)
    assert [str(each).replace(str(root), "ROOT").split(" (")[0] for each in mistakes] == [
        "ROOT/hosts.yaml:1: port must be a number from 1 to 65535, not 0",
        "ROOT/hosts.yaml:1: the gateway 'gat' is no host of this inventory",
        "ROOT/group_vars/all.yml:1: a secret names its source, not its value",
        "ROOT/group_vars/web.yml:1: a file of variables is a mapping of names to values",
    ]


def test_a_folder_that_cannot_be_read_is_told(write_all: WriteAll) -> None:
    root = write_all({"hosts.yaml": "web: {hosts: {a: }}"})
    (root / "group_vars").symlink_to(root / "group_vars")  # which leads nowhere, for ever
    assert _mistakes(root / "hosts.yaml") == [
        "ROOT/group_vars: cannot read this folder: too many levels of symbolic links"
    ]


def test_more_hosts_than_anybody_has_are_refused(write_all: WriteAll) -> None:
    ranges = "".join(f"    {letter}[1:99999]:\n" for letter in "abc")
    path = write_all({"hosts.yaml": f"web:\n  hosts:\n{ranges}"}) / "hosts.yaml"
    (mistake,) = read(path)[1]
    assert str(mistake) == f"{path}:5: there are more than 200,000 hosts"
