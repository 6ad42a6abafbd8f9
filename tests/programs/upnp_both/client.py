import asyncio

from async_upnp_client.aiohttp import AiohttpRequester
from async_upnp_client.client_factory import UpnpFactory
from async_upnp_client.search import async_search


async def main():
    found = {}

    async def seen(headers):
        found[headers["location"]] = headers["st"]

    for _ in range(3):
        await async_search(
            async_callback=seen,
            source=("10.0.0.2", 0),
            timeout=3,
            search_target="urn:schemas-upnp-org:device:BinaryLight:1",
        )
    print(found)
    requester = AiohttpRequester(timeout=20)
    device = await UpnpFactory(requester).async_create_device(next(iter(found)))
    print(device.name, sorted(device.services))
    power = device.service("urn:schemas-upnp-org:service:SwitchPower:1")
    print(await power.action("GetStatus").async_call())
    await power.action("SetTarget").async_call(newTargetValue=True)
    print(await power.action("GetStatus").async_call())


asyncio.run(main())
