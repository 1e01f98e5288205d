"""Images are what roles expect of such hosts, and nothing beside it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.lab.podman.conftest import OnHosts, Ssh
from tests.labs import LabHosts, LabImage
from wirework import lab as labs
from wirework.lab import Lab
from wirework.lab.podman import image

pytestmark = pytest.mark.xdist_group("podman")

ABSENT = "for each in {}; do command -v $each; done; true"


def test_debian_has_sudo_and_no_python(lab_hosts: LabHosts, ssh_to: Ssh) -> None:
    lab = lab_hosts(groups={"web": 2, "tiny": 1}, images={"tiny": "busybox"})
    assert ssh_to(lab, "web1", ABSENT.format("python python3")).stdout == b""
    assert ssh_to(lab, "web1", "sudo -n id -u").stdout == b"0\n"
    said = ssh_to(lab, "web1", "sudo -n sshd -T").stdout.decode().splitlines()
    assert "maxstartups 10:30:100" in said
    assert "passwordauthentication yes" in said, "Debian's own default"


def test_busybox_has_nothing_but_busybox(lab_hosts: LabHosts, ssh_to: Ssh) -> None:
    lab = lab_hosts(groups={"web": 2, "tiny": 1}, images={"tiny": "busybox"})
    absent = ABSENT.format("python3 bash dash perl sudo ssh sftp apt-get")
    assert ssh_to(lab, "tiny1", absent).stdout == b""
    # Every program of POSIX that is there is busybox under another name.
    whose = "for each in sh ls stat sha256sum dd mv ln cat; do readlink -f $(which $each); done"
    assert set(ssh_to(lab, "tiny1", whose).stdout.split()) == {b"/bin/busybox"}


def test_busybox_takes_files_and_commands(
    lab_hosts: LabHosts, on_hosts: OnHosts, tmp_path: Path
) -> None:
    lab = lab_hosts(groups={"web": 2, "tiny": 1}, images={"tiny": "busybox"})
    (tmp_path / "sent").write_bytes(bytes(range(256)) * 500)
    sent = ("remote.put", str(tmp_path / "sent"), "--dest", "sent", "--hosts", "tiny1")
    assert on_hosts(lab, *sent).status == 0
    got = ("remote.get", "sent", "--into", str(tmp_path / "got"), "--hosts", "tiny1")
    assert on_hosts(lab, *got).status == 0
    (back,) = [path for path in (tmp_path / "got").rglob("*") if path.is_file()]
    assert back.read_bytes() == (tmp_path / "sent").read_bytes()


def test_a_playbook_converges_on_busybox(
    lab_hosts: LabHosts, on_hosts: OnHosts, tmp_path: Path
) -> None:
    lab = lab_hosts(groups={"web": 2, "tiny": 1}, images={"tiny": "busybox"})
    playbook = tmp_path / "play.yaml"
    playbook.write_text("""
- hosts: tiny
  steps:
    - directory: {path: /srv/site, mode: "0750"}
    - file: {dest: /srv/site/page, content: "hello\\n", mode: "0640"}
    - line: {path: /etc/motd, line: "be kind", create: true}
    - link: {path: /srv/current, to: site}
    - command: {argv: [touch, /srv/done], creates: /srv/done}
""")
    assert "5 changes" in (first := on_hosts(lab, "playbook.run", str(playbook))).out, first.err
    assert "nothing to change" in on_hosts(lab, "playbook.run", str(playbook)).out


def test_services_run_from_the_start_and_come_back(lab_image: LabImage, ssh_to: Ssh) -> None:
    lab = lab_image("services")
    running = "sudo service nginx status; sudo service cron status"
    for _ in range(2):
        said = ssh_to(lab, "web1", running)
        assert (said.returncode, said.stdout.count(b"is running")) == (0, 2), said
        labs.fault(_root(lab), lab.name, host="web1", kind="stop")
        labs.heal(_root(lab), lab.name)
    assert ssh_to(lab, "web1", "sudo service nginx stop").returncode == 0
    assert b"nginx is not running" in ssh_to(lab, "web1", running).stdout
    assert ssh_to(lab, "web1", "command -v systemctl").returncode != 0
    ssh_to(lab, "web1", "sudo service nginx start")


def test_a_password_opens_an_old_host_and_a_key_does_not(
    lab_image: LabImage, on_hosts: OnHosts, ssh_to: Ssh
) -> None:
    lab = lab_image("password")
    assert on_hosts(lab, "remote.run", "sudo -n id -u", "--hosts", "web1").status == 0
    assert ssh_to(lab, "web1", "id -un").stdout == b"ops\n"
    password = (lab.folder / "password").read_text()
    assert password not in lab.inventory.read_text()
    assert "{secret: 'file:password'}" in lab.inventory.read_text()
    argv = ["ssh", "-F", str(lab.folder / "ssh_config"), "-o", "BatchMode=yes"]
    key_only = [*argv, "-o", "PreferredAuthentications=publickey", "web1", "true"]
    done = subprocess.run(key_only, check=False, capture_output=True, timeout=30)
    assert done.returncode == 255
    assert b"Permission denied (password)" in done.stderr


def test_a_recipe_that_changes_makes_another_image(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {name: image.reference(image.find(name)) for name in ("debian", "python", "busybox")}
    for path in image.RECIPES.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    monkeypatch.setattr(image, "RECIPES", tmp_path)
    assert image.reference(image.find("python")) == before["python"]
    with (tmp_path / "debian.containerfile").open("a") as recipe:
        recipe.write("# changed\n")
    after = {name: image.reference(image.find(name)) for name in before}
    assert after["debian"] != before["debian"]
    assert after["python"] != before["python"], "what is built upon it changes as well"
    assert after["busybox"] == before["busybox"]


def _root(lab: Lab) -> Path:
    return lab.folder.parents[1]
