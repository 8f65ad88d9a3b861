"""Every example is loaded, and the web servers' examples really serve a page.

The paths of an installed system are replaced by the test's own; nothing else is changed.
"""
import configparser
import json
import pathlib
import re
import shutil
import subprocess

import pytest

from daemon import COMMAND, REPO, Daemon, run
from servers import PhpFpm, Server, program
from waiting import limit
from web import Web, free_port

ETC = REPO / "etc"
FILES = sorted(path for path in ETC.rglob("*") if path.is_file())
RULES = [path for path in FILES if path.suffix == ".json" and ".schema." not in path.name]
SCHEMA = ETC / "fcgicache.schema.json"


def name(path):
    return str(path.relative_to(ETC))


def test_the_smallest_useful_file_is_there():
    assert ETC / "fcgicache.json" in RULES and len(RULES) >= 3


@pytest.mark.parametrize("path", RULES, ids=name)
def test_rules_load(path):
    done = run("-t", "-c", path)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.nodaemon
@pytest.mark.parametrize("path", RULES, ids=name)
def test_the_schema_knows_every_key(path):
    """Not a validator: the keys that examples use are described, at their place."""
    schema = json.loads(SCHEMA.read_text())
    text = json.loads(path.read_text())

    def known(node):
        while "$ref" in node:
            target = schema
            for step in node["$ref"].lstrip("#/").split("/"):
                target = target[step]
            node = target
        keys = set(node.get("properties", {}))
        for inner in node.get("allOf", []) + node.get("anyOf", []) + node.get("oneOf", []):
            keys |= known(inner)
        return keys
    top = schema.get("properties", {})
    assert {key for key in text if not key.startswith("//")} <= known(schema)
    for rule in text["rules"]:
        assert {key for key in rule if not key.startswith("//")} <= known(top["rules"]["items"])


class Example(Server, Web):
    """A web server run with an example, its paths replaced."""

    def __init__(self, folder, kind, text, command):
        Server.__init__(self, folder, kind)
        Web.__init__(self, free_port())
        config = self.folder / "example.conf"
        config.write_text(text.replace("@PORT@", str(self.port)))
        self.checked = subprocess.run([*command(config, check=True)], capture_output=True,
                                      text=True, timeout=limit(10), check=False)
        assert self.checked.returncode == 0, self.checked.stdout + self.checked.stderr
        self.spawn(*command(config, check=False))
        self.wait_ready(self.ready)


def replace(text, places):
    """Replace each place, which must be there, by what stands for it here."""
    for pattern, mine in places:
        text, times = re.subn(pattern, mine, text)
        assert times, f"{pattern} is not in the example"
    return text


@pytest.fixture
def chain(folder):
    """php-fpm with an index page, and fcgicache under an example's rules before it."""
    fpm = PhpFpm(folder)
    shutil.copy(fpm.root / "page.php", fpm.root / "index.php")
    (fpm.root / "plain.txt").write_text("a file")
    daemon = Daemon(folder, None, (ETC / "examples" / "php-fpm.json").read_text().replace(
        "unix:/run/php/php-fpm.sock", fpm.where).replace('"syslog"', '"stderr"'))
    fpm.daemon = daemon.start()
    started = [fpm]
    fpm.started = started
    yield fpm
    for server in reversed(started):
        server.stop()
    daemon.stop()


def serves(web, fpm):
    """The example's site: a file by the server, pages through the cache, strangers refused."""
    host = {"Host": "example.org"}
    assert web.get("/plain.txt", host).body == b"a file"
    first, second = web.get("/index.php", host), web.get("/index.php", host)
    assert first.status == 200 and first.cache.stored, first
    assert second.cache.hit and second.body == first.body == b"run 1 of /index.php\n"
    assert web.get("/some/pretty/page?x=1", host).body == b"run 2 of /some/pretty/page?x=1\n"
    assert web.get("/some/pretty/page?x=1", host).cache.hit
    assert web.get("/index.php", {"Host": "stranger.example"}).status != 200
    assert fpm.runs("index.php") == 2


def test_nginx_example(folder, chain):
    text = replace((ETC / "examples" / "nginx.conf").read_text(), [
        (r"user www-data;", "user root; daemon off;"), (r"listen 80\b", "listen 127.0.0.1:@PORT@"),
        (r"/run/nginx.pid", f"{folder}/nginx.pid"), (r"/var/log/nginx/", f"{folder}/"),
        (r"/srv/www/example.org", str(chain.root)),
        (r"unix:/run/fcgicache/fcgicache.sock", chain.daemon.where)])

    def command(config, check):
        return [program("nginx"), "-c", str(config), "-p", folder, "-e", f"{folder}/e",
                *(["-t"] if check else [])]
    chain.started.append(Example(folder, "nginx", text, command))
    serves(chain.started[-1], chain)


@pytest.mark.parametrize("spawns", [False, True])
def test_lighttpd_example(folder, chain, spawns):
    """As it stands, and with the lines that let lighttpd start fcgicache."""
    places = [
        (r"server.port = 80\b", 'server.port = @PORT@\nserver.bind = "127.0.0.1"'),
        (r"server.(user|group)name = .*\n", ""), (r"/var/log/lighttpd/", f"{folder}/"),
        (r"/run/lighttpd.pid", f"{folder}/lighttpd.pid"),
        (r"/srv/www/example.org", str(chain.root)),
        (r"/run/fcgicache/fcgicache.sock",
         f"{folder}/own.sock" if spawns else chain.daemon.where[5:])]
    if spawns:
        line = " ".join(COMMAND + ["-c", str(chain.daemon.config)])
        places += [(r'#("bin-path" => ").*?(")', rf"\1{line}\2"), (r'#("max-procs")', r"\1")]
    text = replace((ETC / "examples" / "lighttpd.conf").read_text(), places)

    def command(config, check):
        return [program("lighttpd"), "-tt" if check else "-D", "-f", str(config)]
    chain.started.append(Example(folder, "lighttpd", text, command))
    serves(chain.started[-1], chain)


@pytest.mark.nodaemon
@pytest.mark.parametrize("path", [path for path in FILES if path.suffix == ".service"], ids=name)
def test_systemd_units(path):
    """The socket on fd 0, and the same program and rules as everywhere."""
    units = {}
    for unit in (path, path.with_suffix(".socket")):
        parser = configparser.ConfigParser(strict=False, interpolation=None)
        parser.optionxform = str
        parser.read_string(unit.read_text())
        units[unit.suffix] = parser
    service, socket = units[".service"], units[".socket"]
    assert service["Service"]["StandardInput"] == "socket"
    assert re.search(r"/fcgicache -c /\S+\.json", service["Service"]["ExecStart"])
    assert socket["Socket"]["ListenStream"].startswith("/run/")
    assert socket["Socket"].get("Accept", "no") == "no"


def test_every_example_is_known_to_this_test():
    """A new kind of example needs a new test."""
    kinds = {".json", ".conf", ".service", ".socket", ""}
    assert {path.suffix for path in FILES} <= kinds
    confs = {path.name for path in FILES if path.suffix == ".conf"}
    assert confs == {"nginx.conf", "lighttpd.conf"}
    assert pathlib.Path(ETC / "examples" / "README").exists()
