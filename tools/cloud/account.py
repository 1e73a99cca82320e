"""How one user logs in at a cloud, in the forms that a site has it in."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import openstack
import yaml


@dataclass(frozen=True)
class Account:
    """A user of a project, in one region."""

    auth_url: str
    user: str
    password: str
    project: str
    region: str
    user_domain: str = "Default"
    project_domain: str = "Default"

    @classmethod
    def of_config(cls, config: Any) -> Account:
        """Of a cloud that openstacksdk has read from a clouds.yaml.

        Raises KeyError when it is not a user with a password and a project.
        """
        auth = config.auth
        return cls(
            auth_url=auth["auth_url"],
            user=auth["username"],
            password=auth["password"],
            project=auth["project_name"],
            region=config.region_name or "",
            user_domain=auth.get("user_domain_name", "Default"),
            project_domain=auth.get("project_domain_name", "Default"),
        )

    def at(self, region: str) -> Account:
        """The same user in another region; in this one when none is named."""
        return replace(self, region=region or self.region)

    def openrc(self) -> str:
        """The text that Horizon gives a user to download, with the password filled in."""
        lines = {
            "OS_AUTH_URL": self.auth_url,
            "OS_PROJECT_NAME": self.project,
            "OS_USER_DOMAIN_NAME": self.user_domain,
            "OS_PROJECT_DOMAIN_NAME": self.project_domain,
            "OS_USERNAME": self.user,
            "OS_PASSWORD": self.password,
            "OS_REGION_NAME": self.region,
            "OS_INTERFACE": "public",
            "OS_IDENTITY_API_VERSION": "3",
        }
        return "".join(f'export {name}="{value}"\n' for name, value in lines.items())

    def clouds_yaml(self, name: str) -> str:
        """The text of a clouds.yaml with this one cloud."""
        content = {"auth": self._auth(), "region_name": self.region, "identity_api_version": 3}
        return yaml.safe_dump({"clouds": {name: content}}, sort_keys=False)

    def connect(self, timeout: float | None = None) -> Any:
        """A connection of openstacksdk, which logs in at its first use.

        ``timeout`` is how many seconds it waits for an answer; as long as it takes by default.
        """
        return openstack.connect(
            load_yaml_config=False,
            load_envvars=False,
            auth=self._auth(),
            region_name=self.region,
            identity_api_version="3",
            api_timeout=timeout,
        )

    def _auth(self) -> dict[str, str]:
        return {
            "auth_url": self.auth_url,
            "username": self.user,
            "password": self.password,
            "project_name": self.project,
            "user_domain_name": self.user_domain,
            "project_domain_name": self.project_domain,
        }
