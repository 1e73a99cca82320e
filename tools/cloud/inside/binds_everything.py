"""Neutron's mechanism driver where no network is: every port is bound at once and ACTIVE."""

from __future__ import annotations

from neutron_lib import constants
from neutron_lib.api.definitions import portbindings
from neutron_lib.plugins.ml2 import api


class BindsEverything(api.MechanismDriver):
    """Says of each port what an agent of Open vSwitch would have Neutron say of it.

    Nova refuses a port that no driver has bound, and those in Neutron's tree need an agent.
    """

    def initialize(self) -> None:
        """Nothing is to be prepared."""

    def bind_port(self, context: api.PortContext) -> None:
        """Bind the port to the first segment of its network."""
        for segment in context.segments_to_bind[:1]:
            context.set_binding(
                segment[api.ID],
                portbindings.VIF_TYPE_OVS,
                {portbindings.CAP_PORT_FILTER: True},
                status=constants.PORT_STATUS_ACTIVE,
            )
