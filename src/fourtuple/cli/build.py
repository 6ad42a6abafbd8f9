"""From what a network file says to a network ready to run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ..api.network import Network
from .network_file import HostSpec, LinkSpec, NetworkSpec
from .sections import dotted


def build_network(spec: NetworkSpec, network: Network) -> None:
    """Put everything ``spec`` describes into ``network``. No program runs before the network does.

    Raises NetworkFileError for what only shows when the parts are put together: a name or address
    taken twice, a loop of switches, a setting a host does not have.
    """
    for host in spec.hosts:
        _build_host(spec, network, host)
    for switch in spec.switches:
        with _naming(spec, dotted("switches", switch), {}):
            network.switch(switch)
    for link in spec.links:
        _build_link(spec, network, link)
    for host in spec.hosts:
        _build_names(spec, network, host)
    for host in spec.hosts:
        for program in host.programs:
            with _naming(spec, f"{program.key}.run", program.command):
                network.hosts[host.name].spawn(
                    program.command,
                    start=program.start,
                    daemon=program.daemon,
                    env=program.env,
                    cwd=program.cwd,
                    uid=program.uid,
                    stdin=program.stdin,
                    isolate=program.isolate,
                )


def _build_host(spec: NetworkSpec, network: Network, host: HostSpec) -> None:
    key = dotted("hosts", host.name)
    if host.address is None:
        with _naming(spec, key, {}):
            made = network.host(host.name)
    else:
        with _naming(spec, f"{key}.address", host.address):
            made = network.host(host.name, host.address)
    for name in host.names:
        with _naming(spec, f"{key}.names", host.names):
            network.add_name(name, made)
    for name, address in host.hosts.items():
        with _naming(spec, dotted(f"{key}.hosts", name), address):
            made.add_hosts_entry(str(address), name)
    for name, value in host.sysctl.items():
        with _naming(spec, dotted(f"{key}.sysctl", name), value):
            if isinstance(value, bool) or not isinstance(value, (int, str)):
                raise ValueError("a number or a string")
            made.sysctl[name] = value


def _build_names(spec: NetworkSpec, network: Network, host: HostSpec) -> None:
    key = dotted("hosts", host.name)
    if host.dns_server is not None:
        settings = dict(host.dns_server)
        records = settings.pop("records", [])
        with _naming(spec, f"{key}.dns_server", host.dns_server):
            server = network.dns(host.name, **settings)
        for record in records:
            with _naming(spec, f"{key}.dns_server.records", record):
                name, type, value = [*record.split(None, 2), "", ""][:3]
                server.add(name, type, value)
    if host.dns is not None:
        settings = dict(host.dns)
        with _naming(spec, f"{key}.dns", host.dns):
            network.hosts[host.name].use_dns(*settings.pop("servers", []), **settings)


def _build_link(spec: NetworkSpec, network: Network, link: LinkSpec) -> None:
    settings = dict(link.settings)
    if link.mtu is not None:
        settings["mtu"] = link.mtu
    for number, address in enumerate(link.addresses):
        if address:
            with _naming(spec, f"{link.key}.addresses", list(link.addresses)):
                network.check_link_address(link.between[number], address)
    with _naming(spec, f"{link.key}.between", list(link.between)):
        made = network.link(*link.between, addresses=link.addresses, **settings)
    for sender, changed in link.directions.items():
        made.set(sender=sender, **changed)


@contextmanager
def _naming(spec: NetworkSpec, key: str, value: object) -> Iterator[None]:
    """Make a ValueError that is raised inside one about ``key`` of the file."""
    try:
        yield
    except ValueError as error:
        shown = value[0] if isinstance(value, list) and len(value) == 1 else value
        raise spec.fail(key, shown, str(error).removeprefix(f"{shown!r} is not ")) from error
