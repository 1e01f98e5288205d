"""The wish of site.yaml, as one writes it for pyinfra."""

from pathlib import Path

from pyinfra.operations import files, server

HERE = Path(__file__).parent

server.group("deploy", _sudo=True)
for name in ("app", "worker"):
    server.user(name, group="deploy", shell="/bin/bash", _sudo=True)  # noqa: S604 - a login shell
for name in "abcd":
    files.directory(f"/srv/{name}", user="app", group="deploy", mode="755", _sudo=True)
for number in range(1, 7):
    files.template(
        str(HERE / "templates" / "site.ini.j2"),
        f"/srv/a/site{number}.ini",
        user="app",
        group="deploy",
        mode="644",
        number=number,
        _sudo=True,
    )
files.put(
    str(HERE / "files" / "robots.txt"),
    "/srv/d/robots.txt",
    user="app",
    group="deploy",
    mode="644",
    _sudo=True,
)
files.file("/srv/closed", present=False, _sudo=True)
for text in ("SITE_A=1", "SITE_B=2", "SITE_C=3"):
    files.line("/etc/environment", text, _sudo=True)
files.link("/srv/b/current", target="/srv/a/site1.ini", _sudo=True)
files.link("/srv/c/current", target="/srv/a/site2.ini", _sudo=True)
for name in ("first", "second"):
    path = f"/srv/d/{name}"
    server.shell(f"test -e {path} || touch {path}", _sudo=True)
