"""What names mean in a playbook, for each host: variables, roles, templates and secrets."""

from __future__ import annotations

from typing import Any

import pytest

from tests.playbook.conftest import FLEET, Project, content
from wirework.errors import TemplateError
from wirework.playbook.render import Renderer
from wirework.secrets import secret

SITE = """\
summary: A site.
parameters:
  colour: {default: green}
  port: {default: "{{ http_port + 1 }}"}
  url: {default: "http://{{ host.address }}:{{ port }}/"}
steps:
  - file: {dest: site, content: "{{ colour }} {{ url }}"}
"""


def contents(project: Project, text: str, host: str = "web1") -> list[str]:
    return [content(change) for change in project.changes(text, host)]


def play(value: str, rest: str = "") -> str:
    return f"- hosts: web\n  steps:\n    - file: {{dest: x, content: '{value}'}}\n{rest}"


def test_host_variables_beat_those_of_their_groups(project: Project) -> None:
    assert contents(project, play("{{ colour }}")) == ["red"]
    assert contents(project, play("{{ colour }}"), "web2") == ["blue"]


def test_a_plays_variables_beat_those_of_hosts_and_see_each_other(project: Project) -> None:
    text = play("{{ tone }}", '  vars: {colour: black, tone: "{{ colour }} {{ host.name }}"}\n')
    assert contents(project, text, "web2") == ["black web2"]


def test_arguments_of_a_role_beat_everything_and_mean_what_they_mean_in_the_play(
    project: Project,
) -> None:
    project.write("roles/site/role.yaml", SITE)
    text = """\
    - hosts: web
      vars: {colour: black}
      roles:
        - site: {colour: "dark {{ colour }}", port: "{{ host.port }}"}
    """
    assert contents(project, text) == ["dark black http://192.0.2.1:2201/"]


def test_an_argument_does_not_see_the_roles_own_defaults(project: Project) -> None:
    project.write("roles/site/role.yaml", SITE)
    text = "- hosts: web\n  roles:\n    - site: {url: '{{ colour }}'}\n"
    assert contents(project, text) == ["green red"]


def test_defaults_of_a_role_may_use_the_hosts_names_and_earlier_parameters(
    project: Project,
) -> None:
    project.write("roles/site/role.yaml", SITE)
    assert contents(project, "- hosts: web\n  roles: [site]\n", "web2") == [
        "green http://192.0.2.2:8003/"
    ]


def test_parameters_of_a_role_stay_in_it(project: Project) -> None:
    project.write("roles/site/role.yaml", SITE)
    text = """\
    - hosts: web
      roles: [site: {colour: pink}]
      steps:
        - file: {dest: x, content: "{{ colour }}"}
    """
    assert contents(project, text)[1] == "red"


def test_a_single_expression_keeps_its_kind(project: Project) -> None:
    text = """\
    - hosts: web
      vars: {flag: "{{ 1 == 1 }}", words: "{{ ['echo', 'a b'] }}"}
      steps:
        - absent: {path: x, recursive: "{{ flag }}"}
        - command: {argv: "{{ words }}"}
        - command: {argv: [sleep, "{{ http_port }}"]}
    """
    titles = [item.wish.title for item in project.items(text)]
    assert titles == ["absent x", "command echo a b", "command sleep 8001"]


def test_a_roles_own_template_comes_before_the_shared_one(project: Project) -> None:
    project.write("roles/site/role.yaml", "steps: [{template: {src: t.j2, dest: x}}]\n")
    project.write("roles/site/templates/t.j2", "own {% include 'shared.j2' %}")
    project.write("templates/t.j2", "shared t")
    project.write("templates/shared.j2", "shared")
    text = "- hosts: web\n  roles: [site]\n  steps: [{template: {src: t.j2, dest: y}}]\n"
    assert contents(project, text) == ["own shared", "shared t"]


def test_templates_see_every_host_of_every_group_and_their_own(project: Project) -> None:
    project.write(
        "templates/hosts.j2",
        """\
        {% for each in groups.web %}
        {{ each.address }}:{{ each.vars.http_port }} {{ each.name }}
        {% endfor %}
        {{ groups.all | length }} {{ groups.db[0].name }} {{ host.groups | join(',') }}
        """,
    )
    text = "- hosts: web\n  steps: [{template: {src: hosts.j2, dest: x}}]\n"
    assert contents(project, text) == ["192.0.2.1:8001 web1\n192.0.2.2:8002 web2\n3 db1 web\n"]


def test_a_file_comes_from_the_folder_of_files(project: Project) -> None:
    project.write("files/deep/f", "bytes")
    text = "- hosts: web\n  steps: [{file: {src: deep/f, dest: x}}]\n"
    assert contents(project, text) == ["bytes"]


def test_a_tree_comes_from_the_folder_of_files_and_no_link_leads_out_of_it(
    project: Project,
) -> None:
    folder = project.write("files/site/empty/none", "").parent
    folder.joinpath("none").unlink()
    folder.with_name("leak").symlink_to("/etc")
    text = "- hosts: web\n  steps: [{tree: {src: site, dest: .}}]\n"
    says = [change.says for change in project.changes(text)]
    assert says == ["folder empty", "leak -> /etc"]


def test_steps_of_roles_come_first_and_handlers_last(project: Project) -> None:
    project.write(
        "roles/site/role.yaml",
        """\
        steps:
          - absent: {path: r1}
            notify: again
        handlers:
          - name: again
            absent: {path: rh}
        """,
    )
    text = """\
    - hosts: web
      roles: [site]
      steps:
        - absent: {path: s1}
          notify: [again, other]
        - absent: {path: s2}
          notify: again
      handlers:
        - {name: again, absent: {path: h1}}
        - {name: other, absent: {path: h2}}
        - {name: "never {{ host.name }}", absent: {path: h3}}
    """
    found = [(item.wish.title, item.after) for item in project.items(text)]
    assert found == [
        ("absent r1", None),
        ("absent s1", None),
        ("absent s2", None),
        ("again", (0,)),
        ("again", (1, 2)),
        ("other", (1,)),
        ("never web1", ()),
    ]


def test_every_item_has_its_file_and_line(project: Project) -> None:
    text = "- hosts: web\n  steps:\n    - name: first\n      absent: {path: x}\n"
    (item,) = project.items(text)
    assert (item.wish.title, item.where) == ("first", f"{project.root}/play.yaml:4")


@pytest.fixture
def guarded(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setenv("WIREWORK_TEST_PW", "hunter2")
    secret_var = "  vars: {colour: red, pw: {secret: 'env:WIREWORK_TEST_PW'}}"
    project.write("inventory.yaml", FLEET.replace("  vars: {colour: red}", secret_var))
    return project


def test_a_secret_in_a_template_is_written_private_and_never_shown(guarded: Project) -> None:
    guarded.write("templates/my.cnf.j2", "password = {{ secret_word }}\n")
    text = """\
    - hosts: web
      vars: {secret_word: "{{ pw }}"}
      steps: [{template: {src: my.cnf.j2, dest: my.cnf}}]
    """
    (change,) = guarded.changes(text)
    assert content(change) == "password = hunter2\n"
    assert change.argv == ("ww_receive", "my.cnf", "19", "00600", "", "")
    assert change.diff == "my.cnf: holds a secret, so the change is not shown\n"


def test_a_template_that_leaves_its_secret_out_is_no_secret(guarded: Project) -> None:
    guarded.write("templates/t.j2", "{% if pw is string %}{{ pw }}{% endif %}plain")
    (change,) = guarded.changes("- hosts: web\n  steps: [{template: {src: t.j2, dest: x}}]\n")
    assert change.argv[3] == "00644"
    assert "+plain" in change.diff


@pytest.mark.parametrize(
    "value",
    [
        "{{ pw }}",
        "-p{{ pw }}",
        "{{ pw | upper }}",
        '{{ "x" ~ pw }}',
        "{{ pw.reveal() }}",
        'x{{ pw | attr("reveal") }}',
        '{{ "{0.reveal}".format(pw) }}',
        "{{ [pw] }}x",
    ],
)
def test_a_secret_in_a_playbooks_own_text_is_refused(guarded: Project, value: str) -> None:
    mistakes = guarded.mistakes(play(value))
    assert len(mistakes) == 1
    assert ": play.yaml:3: " in mistakes[0]
    assert "hunter2" not in mistakes[0]


@pytest.mark.parametrize("text", ["{{ pw | upper }}", '{{ "x" ~ pw }}', "{{ pw.reveal() }}"])
def test_a_secret_that_a_template_would_let_out_unnoticed_is_refused(
    guarded: Project, text: str
) -> None:
    guarded.write("templates/t.j2", text)
    (mistake,) = guarded.mistakes("- hosts: web\n  steps: [{template: {src: t.j2, dest: x}}]\n")
    assert mistake.startswith("TemplateError: ")
    assert "t.j2" in mistake
    assert "hunter2" not in mistake


def test_a_secret_that_cannot_be_fetched_is_a_mistake_before_anything_is_touched(
    guarded: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("WIREWORK_TEST_PW")
    guarded.write("templates/t.j2", "{{ pw }}")
    (mistake,) = guarded.mistakes("- hosts: web\n  steps: [{template: {src: t.j2, dest: x}}]\n")
    assert "the environment variable WIREWORK_TEST_PW is not set" in mistake


ATTACKS = [
    "{{ ''.__class__ }}",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ ''['__class__'] }}",
    "{{ '' | attr('__class__') }}",
    "{{ '{0.__class__}'.format('') }}",
    "{{ host.update({'name': 'x'}) }}",
    "{{ groups.clear() }}",
    "{{ cycler.__init__.__globals__ }}",
    "{{ lipsum.__globals__.os.popen('id').read() }}",
    "{{ self.__init__.__globals__ }}",
    "{{ range(10000000) | list }}",
]


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_template_cannot_leave_its_sandbox(project: Project, attack: str) -> None:
    project.write("templates/t.j2", f"first\n{attack}\n")
    renderer = Renderer([project.root / "templates"], [])
    context: dict[str, Any] = {"host": {"name": "a"}, "groups": {"web": []}}
    with pytest.raises(TemplateError) as in_template:
        renderer.template("t.j2", context)
    assert in_template.value.where == f"{project.root}/templates/t.j2:2"
    with pytest.raises(TemplateError) as in_value:
        renderer.value(attack, context, "play.yaml:3")
    assert in_value.value.where == "play.yaml:3"
    assert context == {"host": {"name": "a"}, "groups": {"web": []}}


def test_values_are_filled_in_at_any_depth_and_other_kinds_are_left_alone() -> None:
    renderer = Renderer([], [])
    raw = {"a": ["{{ n }}", 1, None, True], "b": {"c": "x{{ n }}"}}
    filled = {"a": [3, 1, None, True], "b": {"c": "x3"}}
    assert renderer.value(raw, {"n": 3, "key": secret("env:X")}, "p:1") == filled
