from pyroute2 import IPRoute
from pyroute2.netlink.exceptions import NetlinkError

with IPRoute() as ipr:
    print([(link.get_attr("IFLA_IFNAME"), link["state"]) for link in ipr.get_links()])
    eth0 = ipr.link_lookup(ifname="eth0")[0]
    ipr.addr("add", index=eth0, address="10.9.9.1", prefixlen=24)
    print([(one.get_attr("IFA_ADDRESS"), one["prefixlen"]) for one in ipr.get_addr(index=eth0, family=2)])
    ipr.route("add", dst="10.20.0.0/16", gateway="10.0.0.1")
    routes = ipr.get_routes(family=2, table=254)
    print([(route.get_attr("RTA_DST"), route.get_attr("RTA_GATEWAY")) for route in routes])
    print(ipr.route("get", dst="10.20.1.1")[0].get_attr("RTA_GATEWAY"))
    ipr.link("set", index=eth0, state="down")
    print(ipr.get_links(eth0)[0]["state"])
    ipr.link("set", index=eth0, state="up", mtu=1400)
    print(ipr.get_links(eth0)[0].get_attr("IFLA_MTU"))
    ipr.neigh("add", dst="10.0.0.77", lladdr="02:00:00:00:00:77", ifindex=eth0)
    print([one.get_attr("NDA_LLADDR") for one in ipr.get_neighbours(dst="10.0.0.77")])
    ipr.addr("del", index=eth0, address="10.9.9.1", prefixlen=24)
    try:
        ipr.addr("del", index=eth0, address="10.9.9.1", prefixlen=24)
    except NetlinkError as error:
        print(error)
