import asyncio
import xml.etree.ElementTree as ET

from async_upnp_client.client import UpnpStateVariable
from async_upnp_client.const import DeviceInfo, ServiceInfo
from async_upnp_client.server import (
    UpnpServer,
    UpnpServerDevice,
    UpnpServerService,
    callable_action,
    create_state_var,
)


class Lamp(UpnpServerService):
    SERVICE_DEFINITION = ServiceInfo(
        service_id="urn:upnp-org:serviceId:SwitchPower",
        service_type="urn:schemas-upnp-org:service:SwitchPower:1",
        control_url="/power/control",
        event_sub_url="/power/events",
        scpd_url="/power.xml",
        xml=ET.Element("server_service"),
    )
    STATE_VARIABLE_DEFINITIONS = {
        "Status": create_state_var("boolean", default="0"),
        "Target": create_state_var("boolean", default="0"),
    }

    @callable_action(name="SetTarget", in_args={"newTargetValue": "Target"}, out_args={})
    async def set_target(self, newTargetValue: bool) -> dict[str, UpnpStateVariable]:
        self.state_variable("Status").value = newTargetValue
        return {}

    @callable_action(name="GetStatus", in_args={}, out_args={"ResultStatus": "Status"})
    async def get_status(self) -> dict[str, UpnpStateVariable]:
        return {"ResultStatus": self.state_variable("Status")}


class Device(UpnpServerDevice):
    DEVICE_DEFINITION = DeviceInfo(
        device_type="urn:schemas-upnp-org:device:BinaryLight:1",
        friendly_name="Lamp",
        manufacturer="us",
        manufacturer_url=None,
        model_description=None,
        model_name="lamp",
        model_number="1",
        model_url=None,
        serial_number="1",
        udn="uuid:aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee",
        upc=None,
        presentation_url=None,
        url="/device.xml",
        icons=[],
        xml=ET.Element("server_device"),
    )
    EMBEDDED_DEVICES = []
    SERVICES = [Lamp]


async def main():
    server = UpnpServer(Device, ("10.0.0.1", 0), http_port=8001, boot_id=1, config_id=1)
    await server.async_start()
    await asyncio.Event().wait()


asyncio.run(main())
