"""An instance whose machine has images made of it: at an edge, or at the center of its edge."""

from __future__ import annotations

from apps.hosts.drivers import driver_of
from apps.hosts.models import MecHost
from apps.images.models import HostImage
from apps.instances.models import AppInstance
from apps.journal.models import Entry
from apps.tenants import tokens
from tests import factories as make
from tests.orchestration.test_remote import Pair

CHUNK = 256 * 1024


def settle(stage, base):
    """Let an instance run; its server, its owner, and where its images are."""
    stage.instance = AppInstance.objects.get()
    stage.owner = make.user(stage.tenant)
    (server,) = stage.instance.seen.servers
    stage.server_id, stage.name = server.id, server.name
    stage.url = (
        f"{base}/tenants/{stage.tenant.pk}/app_instances/{stage.instance.pk}/images")
    stage.at_host = f"{base}/hosts/{stage.host.ip}/images"
    return stage


def send(stage, method, url, body=None, *, who=None, **headers):
    """Ask as the owner unless it is somebody else."""
    token = tokens.access_token(who or stage.owner)
    return make.Api(token=token).send(method, url, body, headers=headers)


def told(stage, url, **more):
    """What is answered, which is right."""
    answer = send(stage, "GET", url, **more)
    assert answer.status_code == 200, answer.content
    return answer.json()


def take(stage, **headers):
    """Order an image of the machine."""
    return send(stage, "POST", stage.url, {"vmId": stage.server_id}, **headers)


def made(stage):
    """The id of an image that is whole."""
    answer = take(stage)
    assert answer.status_code == 200, answer.content
    stage.now.advance(seconds=5)
    stage.work(1)
    return answer.json()["imageId"]


def there(stage, look):
    """What ``look`` says at the site that has the host."""
    if not isinstance(stage, Pair):
        return look()
    with stage.sites.inside():
        return look()


def content(stage):
    """The bytes as the VIM has them."""

    def read():
        row = HostImage.objects.get(source="snapshot")
        return b"".join(driver_of(MecHost.objects.get(pk=row.host_id)).read_image(row.vim_id))

    return there(stage, read)


def end(stage):
    """The instance ends, and leaves its image."""
    stage.terminate(stage.instance)
    assert stage.work(30, until="gone")[-1] == "gone"


def entries(verb="images.snapshot."):
    """What was recorded here: who, and what."""
    found = Entry.objects.filter(verb__startswith=verb).order_by("at")
    return [(one.actor_name, one.verb.rpartition(".")[2]) for one in found]
