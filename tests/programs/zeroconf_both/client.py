import time

from zeroconf import ServiceBrowser, ServiceListener, Zeroconf


class Listener(ServiceListener):
    def add_service(self, zeroconf, kind, name):
        info = zeroconf.get_service_info(kind, name, timeout=10_000)
        print(name, info.parsed_addresses(), info.port, info.server, info.properties)

    def update_service(self, zeroconf, kind, name):
        pass

    def remove_service(self, zeroconf, kind, name):
        print("gone", name)


zeroconf = Zeroconf()
browser = ServiceBrowser(zeroconf, "_http._tcp.local.", Listener())
time.sleep(10)
browser.cancel()
zeroconf.close()
