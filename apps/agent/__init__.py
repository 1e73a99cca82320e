"""The MEP agent: speaks Mp1 for an application that should not have to.

It gets and renews the token, registers the services and keeps them alive, subscribes, and finds
services of others.  Stands beside the rest of the project: it needs none of it, and no Django.
"""

from apps.agent.agent import Agent
from apps.agent.appinfo import http_service
from apps.agent.checks import SettingsError
from apps.agent.client import Unreachable
from apps.agent.ending import End
from apps.agent.endpoints import NotFound
from apps.agent.settings import Settings

__all__ = ["Agent", "End", "NotFound", "Settings", "SettingsError", "Unreachable", "http_service"]
