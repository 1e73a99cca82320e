"""A real registry of images on this machine, and images to be had there.

``docker-registry`` of Debian, with TLS of a CA of its own and one user with a password.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import shutil
import ssl
import subprocess
import tarfile
import time
from contextlib import suppress
from pathlib import Path

import httpx

from tools.processes import free_ports

USER, PASSWORD = "pusher", "correct-horse-9"
# The password as bcrypt, the only form that this registry reads.
HTPASSWD = f"{USER}:$2y$04$JUzlPe4HhnQEovrRmpFD2ezBjecCAroO/OG0ITv9QhWd/aCYCjRem\n"
V2 = "application/vnd.docker.distribution.manifest.v2+json"
LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
PROGRAMS = ("skopeo", "docker-registry")


def lacking():
    """Why nothing of this can be had here; empty when it can."""
    missing = [name for name in PROGRAMS if not shutil.which(name)]
    return f"not installed: {', '.join(missing)} (Debian: apt install {' '.join(missing)})" * bool(
        missing)


class RegistryServer:
    """One server; its content outlives a stop."""

    def __init__(self, folder, authority, name):
        self.folder = folder / name
        self.folder.mkdir()
        (port,) = free_ports(1)
        self.address = f"127.0.0.1:{port}"
        pair = authority.issue(name, hosts=("127.0.0.1",))
        (self.folder / "htpasswd").write_text(HTPASSWD)
        config = {
            "version": "0.1",
            "storage": {"filesystem": {"rootdirectory": str(self.folder / "data")}},
            "http": {"addr": self.address, "tls": {
                "certificate": str(pair.certificate), "key": str(pair.key)}},
            "auth": {"htpasswd": {"realm": "test", "path": str(self.folder / "htpasswd")}},
        }
        (self.folder / "config.yml").write_text(json.dumps(config))
        self.log = self.folder / "log"
        self.client = httpx.Client(
            base_url=f"https://{self.address}/v2", auth=(USER, PASSWORD), trust_env=False,
            verify=ssl.create_default_context(cafile=str(authority.file)),
        )
        self.process = None

    def start(self):
        """Serve until stopped."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                ["docker-registry", "serve", str(self.folder / "config.yml")],
                stdout=log, stderr=log,
            )
        for _ in range(200):
            # Another server at this address would answer for one that could not have it.
            time.sleep(0.05)
            assert self.process.poll() is None, self.log.read_text()
            with suppress(httpx.TransportError):
                self.client.get("/").raise_for_status()
                return
        raise AssertionError(self.log.read_text())

    def stop(self):
        """Be gone."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def asked(self, *methods):
        """How many requests of these methods there have been."""
        return len(re.findall(rf'"(?:{"|".join(methods)}) /v2/', self.log.read_text()))

    def manifest(self, path, tag):
        """The bytes of a manifest; None where nothing has that tag."""
        answer = self.client.get(f"/{path}/manifests/{tag}", headers={"Accept": f"{V2}, {LIST}"})
        return None if answer.status_code == 404 else answer.raise_for_status().content

    def push(self, path, tag, text="hello", architecture="amd64"):
        """Make an image; the bytes of its manifest."""
        layer, config = image(text, architecture)
        manifest = {"schemaVersion": 2, "mediaType": V2, "config": self._blob(
            path, config, "application/vnd.docker.container.image.v1+json"), "layers": [
            self._blob(path, layer, "application/vnd.docker.image.rootfs.diff.tar")]}
        return self._put(path, tag, manifest)

    def push_list(self, path, tag, *architectures, absent=()):
        """Make a list of images, some of which are not there; its bytes."""
        rows = []
        for one in (*architectures, *absent):
            name = f"only-{one}"
            raw = b"{}" * 100 if one in absent else self.push(path, name, one, one)
            rows.append({"mediaType": V2, "size": len(raw), "digest": digest(raw), "platform": {
                "os": "linux", "architecture": one}})
        data = {"schemaVersion": 2, "mediaType": LIST, "manifests": rows}
        if absent:  # the registry itself takes no such list: it is put beside it
            return self._smuggle(path, tag, json.dumps(data).encode())
        return self._put(path, tag, data)

    def _blob(self, path, data, kind):
        begun = self.client.post(f"/{path}/blobs/uploads/").raise_for_status()
        where = httpx.URL(begun.headers["Location"]).copy_add_param("digest", digest(data))
        self.client.put(where, content=data).raise_for_status()
        return {"mediaType": kind, "size": len(data), "digest": digest(data)}

    def _put(self, path, tag, data):
        raw = json.dumps(data).encode()
        self.client.put(
            f"/{path}/manifests/{tag}", content=raw, headers={"Content-Type": data["mediaType"]},
        ).raise_for_status()
        return raw

    def _smuggle(self, path, tag, raw):
        top = self.folder / "data/docker/registry/v2"
        hexed = hashlib.sha256(raw).hexdigest()
        links = top / "repositories" / path / "_manifests"
        files = {
            top / "blobs/sha256" / hexed[:2] / hexed / "data": raw,
            links / "revisions/sha256" / hexed / "link": digest(raw).encode(),
            links / "tags" / tag / "current/link": digest(raw).encode(),
        }
        for file, content in files.items():
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        return raw


def digest(data):
    """As registries write it."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def image(text="hello", architecture="amd64"):
    """One layer with a file of this text, and the configuration of its image."""
    layer = tarred({"data": text.encode()})
    config = {"architecture": architecture, "os": "linux", "config": {}, "rootfs": {
        "type": "layers", "diff_ids": [digest(layer)]}}
    return layer, json.dumps(config).encode()


def saved(**images):
    """What ``docker save`` makes of images: the text in each, by its name for ``docker``."""
    files, listed = {}, []
    for number, (name, text) in enumerate(images.items()):
        files[f"{number}/layer.tar"], files[f"{number}.json"] = image(text)
        listed.append({"Config": f"{number}.json", "RepoTags": [f"{name}:1"], "Layers": [
            f"{number}/layer.tar"]})
    return tarred(files | {"manifest.json": json.dumps(listed).encode()})


def tarred(files):
    """The bytes of a tar."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as made:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            made.addfile(member, io.BytesIO(content))
    return data.getvalue()


def leftovers(folder):
    """What attempts have left in a directory of the site."""
    return [path.name for path in Path(folder).glob("image-*")]
