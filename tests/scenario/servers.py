"""The real neighbours: nginx, lighttpd, php-fpm, spawn-fcgi, each with a file of its own.

What it is: a class a server. Each writes its configuration into its own folder, runs in the
foreground as a child of the test, waits until it accepts, and is stopped by TERM; nothing that
the test did not start is ever touched. All of it works as root inside /tmp.
"""
import os
import pathlib
import shutil
import signal
import subprocess

import pytest

from client import Client, accepts
from daemon import environment
from waiting import limit, until
from web import Web, free_port

PATHS = os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin"


def program(*names):
    """The first of these programs that is installed; the test is skipped without one."""
    for name in names:
        path = shutil.which(name, path=PATHS)
        if path:
            return path
    return pytest.skip(f"{names[0]} is not installed")


class Server:
    """A child process with a folder, a configuration and an output file."""

    def __init__(self, folder, name):
        self.folder = pathlib.Path(folder) / name
        self.folder.mkdir()
        self.output, self.process = self.folder / "output", None

    def spawn(self, *command, stdin=subprocess.DEVNULL):
        with open(self.output, "ab") as out:
            self.process = subprocess.Popen([str(one) for one in command], stdin=stdin,
                                            stdout=out, stderr=out, env=environment())
        return self

    def wait_ready(self, ready):
        def check():
            assert self.process.poll() is None, \
                f"{type(self).__name__} ended:\n{self.said()}"
            return ready()
        until(check, what=f"{type(self).__name__} to be ready")
        return self

    def said(self):
        return self.output.read_text(errors="replace") if self.output.exists() else ""

    def children(self):
        """The processes that it has started itself."""
        pid = self.process.pid
        return [int(one) for one in
                pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def crash(self):
        """kill -9: its workers, if it has such (nginx starts new ones), else itself."""
        for pid in self.children() or [self.process.pid]:
            os.kill(pid, signal.SIGKILL)

    def stop(self, timeout=10.0):
        if self.process is None:
            return
        process, self.process = self.process, None
        process.terminate()
        try:
            process.wait(limit(timeout))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


NGINX = """\
user root;
daemon off;
worker_processes 1;
pid {dir}/pid;
error_log {dir}/error.log info;
events {{ worker_connections 2048; }}
http {{
    access_log off;
    client_body_temp_path {dir}/body;
    fastcgi_temp_path {dir}/fcgi;
    proxy_temp_path {dir}/proxy;
    uwsgi_temp_path {dir}/uwsgi;
    scgi_temp_path {dir}/scgi;
    client_max_body_size 64m;
    merge_slashes on;
    upstream cache {{
        server {backend};
        {keepalive}
    }}
    server {{
        listen 127.0.0.1:{port} backlog=2048;
        server_name localhost;
        root {root};
        location / {{
            fastcgi_pass cache;
            include /etc/nginx/fastcgi.conf;
            {options}
        }}
    }}
}}
"""


class Nginx(Server, Web):
    """nginx; keep: fastcgi_keep_conn with kept connections; options: lines for the location."""

    def __init__(self, folder, backend, root="/srv/www", keep=False, options=""):
        Server.__init__(self, folder, "nginx")
        Web.__init__(self, free_port())
        if keep:
            options += " fastcgi_keep_conn on;"
        where = backend if backend.startswith("unix:") else backend.partition(":")[2]
        config = self.folder / "nginx.conf"
        config.write_text(NGINX.format(dir=self.folder, backend=where, port=self.port, root=root,
                                       keepalive="keepalive 16;" if keep else "",
                                       options=options))
        self.spawn(program("nginx"), "-c", config, "-e", self.folder / "error.log")
        self.wait_ready(self.ready)


LIGHTTPD = """\
server.bind = "127.0.0.1"
server.port = {port}
server.document-root = "{root}"
server.errorlog = "{dir}/error.log"
server.breakagelog = "{dir}/breakage.log"
server.upload-dirs = ( "{dir}" )
server.stream-response-body = {stream}
server.max-connections = 512
server.modules = ( "mod_fastcgi" )
server.http-parseopts = ( "url-path-2f-reject" => "disable", "url-path-2f-decode" => "disable" )
fastcgi.server = ( "{match}" => ((
    {backend},
    "check-local" => "disable",
    "fix-root-scriptname" => "enable",
)))
"""


class Lighttpd(Server, Web):
    """lighttpd before a socket, or, with `spawn`, as the parent that starts the program.

    match: which paths go there, "/" or a suffix; PHP finds its script behind ".php" only.
    """

    def __init__(self, folder, backend, root="/srv/www", stream=False, spawn=None,
                 match="/"):
        Server.__init__(self, folder, "lighttpd")
        Web.__init__(self, free_port())
        if backend.startswith("unix:"):
            lines = f'"socket" => "{backend[5:]}"'
        else:
            host, _, port = backend[4:].rpartition(":")
            lines = f'"host" => "{host}", "port" => {port}'
        if spawn:
            names = ", ".join(f'"{name}"' for name in environment()
                              if name.endswith("SAN_OPTIONS") or name == "PATH")
            lines += f', "bin-path" => "{spawn}", "max-procs" => 1'
            lines += f', "bin-copy-environment" => ( {names} )'
        config = self.folder / "lighttpd.conf"
        config.write_text(LIGHTTPD.format(dir=self.folder, backend=lines, port=self.port,
                                          root=root, stream=1 if stream else 0, match=match))
        self.spawn(program("lighttpd"), "-D", "-f", config)
        self.wait_ready(self.ready)


FPM = """\
[global]
error_log = {dir}/error.log
daemonize = no
[www]
listen = {dir}/fpm.sock
pm = static
pm.max_children = {children}
catch_workers_output = yes
clear_env = no
php_admin_value[error_log] = ""
php_admin_flag[log_errors] = on
php_admin_flag[display_errors] = off
php_admin_value[post_max_size] = 64M
php_admin_value[opcache.enable] = 0
"""


class PhpFpm(Server):
    """php-fpm with the scripts of php/ beside this file."""

    SCRIPTS = pathlib.Path(__file__).resolve().parent / "php"

    def __init__(self, folder, children=4):
        super().__init__(folder, "fpm")
        self.root, self.where = self.folder / "www", f"unix:{self.folder}/fpm.sock"
        shutil.copytree(self.SCRIPTS, self.root)
        (self.folder / "fpm.conf").write_text(FPM.format(dir=self.folder, children=children))
        self.children = children
        self.start()

    def start(self):
        """Start, also again after stop()."""
        pathlib.Path(self.where[5:]).unlink(missing_ok=True)
        self.spawn(program("php-fpm8.2", "php-fpm"), "-R", "-F", "-O",
                   "-y", self.folder / "fpm.conf")
        return self.wait_ready(lambda: accepts(self.where))

    def runs(self, script):
        """How often a script of ours has run: each writes a byte to a file of its own name."""
        count = self.root / (script + ".runs")
        return count.stat().st_size if count.exists() else 0


class SpawnFcgi(Server):
    """A program started by spawn-fcgi -n: the socket on fd 0, stderr kept in `output`."""

    def __init__(self, folder, *command):
        super().__init__(folder, "spawn")
        self.where = f"unix:{self.folder}/s.sock"
        self.client = Client(self.where)
        self.spawn(program("spawn-fcgi"), "-n", "-s", self.where[5:], "--", *command)
        self.wait_ready(lambda: accepts(self.where))
