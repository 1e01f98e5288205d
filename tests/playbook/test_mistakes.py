"""Wrong playbooks, each with the one line that says so: kind of error, file, line, next step."""

from __future__ import annotations

import pytest

from tests.playbook.conftest import Project
from wirework.state import OPERATIONS as KNOWN

PLAY = "- hosts: web\n  steps:\n"
OPERATIONS = ", ".join(KNOWN)

SHAPES: dict[str, tuple[str, str]] = {
    "empty file": ("", "PlaybookError: play.yaml:1: a playbook is a list of plays (- name: …)"),
    "mapping": (
        "hosts: web\n",
        "PlaybookError: play.yaml:1: a playbook is a list of plays (- name: …)",
    ),
    "play is text": (
        "- web\n",
        "PlaybookError: play.yaml:1: a play has to be a mapping of names to values",
    ),
    "tab": (
        "- hosts: web\n  steps:\n\t- absent: {path: x}\n",
        "DocumentError: play.yaml:3: a tab is used for indentation (use spaces)",
    ),
    "no hosts": (
        "- steps:\n    - absent: {path: x}\n",
        "PlaybookError: play.yaml:1: the play does not say on which hosts (hosts: web)",
    ),
    "nothing to do": (
        "- name: x\n  hosts: web\n",
        "PlaybookError: play.yaml:1: the play has nothing to do (give it steps or roles)",
    ),
    "unknown key of a play": (
        "- hosts: web\n  step:\n    - absent: {path: x}\n",
        "PlaybookError: play.yaml:2: a play has no 'step' (did you mean 'steps'?)",
    ),
    "steps are a mapping": (
        "- hosts: web\n  steps:\n    absent: {path: x}\n",
        (
            "PlaybookError: play.yaml:2: 'steps' has to be a list, each item on a line that begins"
            " with -"
        ),
    ),
    "become is text": (
        "- hosts: web\n  become: perhaps\n  steps: []\n",
        "PlaybookError: play.yaml:2: 'become' has to be true or false",
    ),
    "batch of no use": (
        "- hosts: web\n  batch: [1, 0]\n  steps:\n    - absent: {path: x}\n",
        (
            "PlaybookError: play.yaml:2: '0' is not a batch size: it never ends"
            " (a number of hosts or a percentage, as 5 or 25%)"
        ),
    ),
    "max_fail of no use": (
        "- hosts: web\n  max_fail: few\n  steps:\n    - absent: {path: x}\n",
        (
            "PlaybookError: play.yaml:2: 'few' is not a failure limit"
            " (a number of hosts or a percentage, as 5 or 25%)"
        ),
    ),
    "step is text": (
        PLAY + "    - absent\n",
        "PlaybookError: play.yaml:3: a step has to be a mapping of names to values",
    ),
    "unknown step": (
        PLAY + "    - lnk: {path: x, to: y}\n",
        "PlaybookError: play.yaml:3: there is no operation 'lnk' (did you mean 'link'?)",
    ),
    "step unlike any": (
        PLAY + "    - zzz: {}\n",
        f"PlaybookError: play.yaml:3: there is no operation 'zzz' (there are {OPERATIONS})",
    ),
    "unknown parameter": (
        PLAY + "    - link:\n        path: x\n        too: y\n",
        "PlaybookError: play.yaml:5: link has no parameter 'too' (did you mean 'to'?)",
    ),
    "missing parameter": (
        PLAY + "    - name: x\n      link: {path: x}\n",
        "PlaybookError: play.yaml:4: link needs to",
    ),
    "no arguments": (
        PLAY + "    - link:\n",
        "PlaybookError: play.yaml:3: link needs path and to",
    ),
    "arguments are text": (
        PLAY + "    - absent: x\n",
        "PlaybookError: play.yaml:3: absent: arguments have to be a mapping (absent: {path: …})",
    ),
    "duplicate key": (
        PLAY + "    - absent:\n        path: x\n        path: y\n",
        "DocumentError: play.yaml:5: the key 'path' is given twice; line 4 has it",
    ),
    "two actions in a step": (
        PLAY + "    - absent: {path: x}\n      link: {path: x, to: y}\n",
        "PlaybookError: play.yaml:4: a step does one thing, not absent and link",
    ),
    "unknown key of a step": (
        PLAY + "    - absent: {path: x}\n      notfy: y\n",
        "PlaybookError: play.yaml:4: a step has no 'notfy' (did you mean 'notify'?)",
    ),
    "step that only has a name": (
        PLAY + "    - name: x\n",
        "PlaybookError: play.yaml:3: a step has to say what to do",
    ),
    "task in steps": (
        PLAY + "    - http.check: {url: x}\n",
        (
            "PlaybookError: play.yaml:3: http.check is a task, and tasks are run from here"
            " (put it under verify:)"
        ),
    ),
    "unknown handler": (
        PLAY + "    - absent: {path: x}\n      notify: restrt\n  handlers:\n"
        "    - name: restart\n      absent: {path: y}\n",
        (
            "PlaybookError: play.yaml:3: there is no handler 'restrt' to notify"
            " (did you mean 'restart'?)"
        ),
    ),
    "no handlers at all": (
        PLAY + "    - absent: {path: x}\n      notify: [a]\n",
        (
            "PlaybookError: play.yaml:3: there is no handler 'a' to notify"
            " (there are no handlers here)"
        ),
    ),
    "handler without a name": (
        PLAY + "    - absent: {path: x}\n  handlers:\n    - absent: {path: y}\n",
        "PlaybookError: play.yaml:5: a handler needs a name, for steps to notify",
    ),
    "unknown task": (
        "- hosts: web\n  verify:\n    - http.chek: {url: x}\n",
        "PlaybookError: play.yaml:3: there is no task 'http.chek' (did you mean 'http.check'?)",
    ),
    "unknown parameter of a task": (
        "- hosts: web\n  verify:\n    - http.check:\n        url: x\n        status: 3\n",
        "PlaybookError: play.yaml:5: http.check has no parameter 'status'",
    ),
    "retries below nought": (
        "- hosts: web\n  verify:\n    - http.check: {url: x}\n      retries: -1\n",
        "PlaybookError: play.yaml:4: 'retries' has to be a whole number, 0 or more",
    ),
    "delay that is text": (
        "- hosts: web\n  verify:\n    - http.check: {url: x}\n      delay: soon\n",
        "PlaybookError: play.yaml:4: 'delay' has to be a number, 0 or more",
    ),
    "unknown role": (
        "- hosts: web\n  roles: [wbsite]\n",
        "PlaybookError: play.yaml:2: there is no role 'wbsite' (did you mean 'site'?)",
    ),
    "role by a path": (
        "- hosts: web\n  roles: [../roles/site]\n",
        "PlaybookError: play.yaml:2: there is no role '../roles/site' (there are site)",
    ),
    "unknown parameter of a role": (
        "- hosts: web\n  roles:\n    - site:\n        release: '1'\n        prt: 1\n",
        "PlaybookError: play.yaml:5: role site has no parameter 'prt' (did you mean 'port'?)",
    ),
    "missing parameter of a role": (
        "- hosts: web\n  roles:\n    - site\n",
        "PlaybookError: play.yaml:3: role site needs release",
    ),
    "arguments of a role are a list": (
        "- hosts: web\n  roles:\n    - site: [1]\n",
        "PlaybookError: play.yaml:3: role site: arguments have to be a mapping",
    ),
    "two roles in one": (
        "- hosts: web\n  roles:\n    - site: {release: '1'}\n      other: {}\n",
        "PlaybookError: play.yaml:3: a role is one name, with its arguments behind it",
    ),
}

VALUES: dict[str, tuple[str, str]] = {
    "wrong type": (
        PLAY + "    - file:\n        dest: x\n        content: y\n        mode: rw\n",
        "PlaybookError: play.yaml:6: file: mode: expected a mode such as \"0644\", not 'rw'",
    ),
    "wrong type after filling in": (
        PLAY + '    - absent: {path: x, recursive: "{{ http_port }}"}\n',
        "PlaybookError: play.yaml:3: absent: recursive: expected true or false, not 8001",
    ),
    "what no single value can tell": (
        PLAY + "    - file: {dest: x}\n",
        "PlaybookError: play.yaml:3: file needs content or src, one of them",
    ),
    "undefined in a value": (
        PLAY + '    - absent:\n        path: "/srv/{{ nme }}"\n',
        (
            "TemplateError: play.yaml:4: 'nme' is undefined (define it in the inventory, the play's"
            " vars or the role's parameters)"
        ),
    ),
    "undefined alone": (
        PLAY + '    - absent:\n        path: "{{ nme }}"\n',
        (
            "TemplateError: play.yaml:4: 'nme' is undefined (define it in the inventory, the play's"
            " vars or the role's parameters)"
        ),
    ),
    "undefined in a play's vars": (
        '- hosts: web\n  vars:\n    a: "{{ nme }}"\n  steps:\n    - absent: {path: x}\n',
        (
            "TemplateError: play.yaml:3: 'nme' is undefined (define it in the inventory, the play's"
            " vars or the role's parameters)"
        ),
    ),
    "undefined in a step's name": (
        PLAY + '    - name: "{{ nme }}"\n      absent: {path: x}\n',
        (
            "TemplateError: play.yaml:4: 'nme' is undefined (define it in the inventory, the play's"
            " vars or the role's parameters)"
        ),
    ),
    "undefined in verify": (
        '- hosts: web\n  verify:\n    - http.check: {url: "{{ nme }}"}\n',
        (
            "TemplateError: play.yaml:3: 'nme' is undefined (define it in the inventory, the play's"
            " vars or the role's parameters)"
        ),
    ),
    "wrong type for a task": (
        '- hosts: web\n  verify:\n    - http.check: {url: "{{ http_port }}"}\n',
        "PlaybookError: play.yaml:3: http.check: url: expected text",
    ),
    "undefined in a template": (
        PLAY + "    - template: {src: undefined.j2, dest: x}\n",
        (
            "TemplateError: templates/undefined.j2:2: 'nme' is undefined (define it in the"
            " inventory, the play's vars or the role's parameters)"
        ),
    ),
    "undefined in an included template": (
        PLAY + "    - template: {src: includes.j2, dest: x}\n",
        (
            "TemplateError: templates/undefined.j2:2: 'nme' is undefined (define it in the"
            " inventory, the play's vars or the role's parameters)"
        ),
    ),
    "undefined attribute": (
        PLAY + '    - absent: {path: "{{ host.nme }}"}\n',
        (
            "TemplateError: play.yaml:3: 'dict object' has no attribute 'nme' (define it in the"
            " inventory, the play's vars or the role's parameters)"
        ),
    ),
    "syntax in a value": (
        PLAY + '    - absent: {path: "{{ a b }}"}\n',
        "TemplateError: play.yaml:3: the template does not parse:",
    ),
    "syntax in a template": (
        PLAY + "    - template: {src: syntax.j2, dest: x}\n",
        (
            "TemplateError: templates/syntax.j2:3: the template does not parse: Unexpected end of"
            " template."
        ),
    ),
    "missing template": (
        PLAY + "    - template: {src: none.j2, dest: x}\n",
        "PlaybookError: play.yaml:3: there is no template 'none.j2' in templates/",
    ),
    "template outside its folder": (
        PLAY + "    - template: {src: ../play.yaml, dest: x}\n",
        "PlaybookError: play.yaml:3: there is no template '../play.yaml' in templates/",
    ),
    "missing file": (
        PLAY + "    - file: {src: none, dest: x}\n",
        "PlaybookError: play.yaml:3: there is no file 'none' in files/",
    ),
    "file outside its folder": (
        PLAY + "    - file: {src: ../inventory.yaml, dest: x}\n",
        "PlaybookError: play.yaml:3: there is no file '../inventory.yaml' in files/",
    ),
    "file by its whole path": (
        PLAY + "    - file: {src: /etc/passwd, dest: x}\n",
        "PlaybookError: play.yaml:3: there is no file '/etc/passwd' in files/",
    ),
    "file through a link out of its folder": (
        PLAY + "    - file: {src: leak, dest: x}\n",
        "PlaybookError: play.yaml:3: there is no file 'leak' in files/",
    ),
    "missing folder": (
        PLAY + "    - tree: {src: real, dest: x}\n",
        "PlaybookError: play.yaml:3: there is no folder 'real' in files/",
    ),
    "folder outside its folder": (
        PLAY + "    - tree: {src: .., dest: x}\n",
        "PlaybookError: play.yaml:3: there is no folder '..' in files/",
    ),
    "wrong type for a role": (
        "- hosts: web\n  roles:\n    - site:\n        release: '1'\n        port: many\n",
        "PlaybookError: play.yaml:5: role site: port has to be a number, not 'many'",
    ),
    "flag for a number of a role": (
        "- hosts: web\n  roles:\n    - site: {release: '1', port: true}\n",
        "PlaybookError: play.yaml:3: role site: port has to be a number, not True",
    ),
    "unknown hosts": (
        "- hosts: wbe\n  steps:\n    - absent: {path: x}\n",
        "PlaybookError: play.yaml:1: ",
    ),
}


@pytest.fixture
def full(project: Project) -> Project:
    project.write(
        "roles/site/role.yaml",
        """\
        summary: A site.
        parameters:
          release: {type: text}
          port: {default: 80}
        steps:
          - absent: {path: "{{ release }}"}
        """,
    )
    project.write("templates/undefined.j2", "fine\n{{ nme }}\n")
    project.write("templates/includes.j2", "{% include 'undefined.j2' %}\n")
    project.write("templates/syntax.j2", "fine\n{% if a %}\n\n")
    project.write("files/real", "x")
    (project.root / "files/leak").symlink_to("/etc/passwd")
    return project


@pytest.mark.parametrize("name", SHAPES)
def test_mistake_in_the_shape_is_one_line_with_its_place(full: Project, name: str) -> None:
    text, complaint = SHAPES[name]
    assert full.mistakes(text) == [complaint]


@pytest.mark.parametrize("name", VALUES)
def test_mistake_in_a_value_is_one_line_with_its_place(full: Project, name: str) -> None:
    text, complaint = VALUES[name]
    first, *others = full.mistakes(text)
    assert first.startswith(complaint)
    # What differs from host to host is told for each, and nothing else is told twice.
    assert all("8002" in other for other in others)


@pytest.mark.parametrize(
    ("role", "complaint"),
    [
        ("parameters: {a: {kind: text}}", "2: a parameter has no 'kind'"),
        ("parameters: {a: {type: float}}", "2: 'float' is no type (one of text, number,"),
        ("tasks: []", "2: a role has no 'tasks'"),
        ("steps: [{lnk: {}}]", "2: there is no operation 'lnk' (did you mean 'link'?)"),
        ("steps: [{absent: {path: x}, notify: y}]", "2: there is no handler 'y' to notify"),
    ],
)
def test_mistake_in_a_role_names_the_roles_file(
    project: Project, role: str, complaint: str
) -> None:
    project.write("roles/bad/role.yaml", f"summary: Bad.\n{role}\n")
    (mistake,) = project.mistakes("- hosts: web\n  roles: [bad]\n")
    assert mistake.startswith(f"PlaybookError: roles/bad/role.yaml:{complaint}")


def test_every_mistake_is_told_once_for_all_hosts_and_plays(full: Project) -> None:
    text = (
        PLAY + '    - absent: {path: "{{ one }}"}\n'
        "    - template: {src: undefined.j2, dest: x}\n"
        "    - file: {dest: x, content: y, mode: z}\n"
        '- hosts: all\n  steps:\n    - absent: {path: "{{ two }}"}\n'
        "- hosts: nobody\n  steps:\n    - absent: {path: x}\n"
    )
    assert [mistake.split(": ")[1] for mistake in full.mistakes(text)] == [
        "play.yaml:3",
        "templates/undefined.j2:2",
        "play.yaml:5",
        "play.yaml:8",
        "play.yaml:9",
    ]


def test_a_variable_that_one_host_lacks_is_a_mistake(full: Project) -> None:
    text = '- hosts: all\n  steps:\n    - absent: {path: "{{ http_port }}"}\n'
    (mistake,) = full.mistakes(text)
    assert mistake.startswith("TemplateError: play.yaml:3: 'http_port' is undefined")
