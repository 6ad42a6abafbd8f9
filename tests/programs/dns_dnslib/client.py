import asyncio

import dns.asyncresolver
import dns.message
import dns.query
import dns.resolver

resolver = dns.resolver.Resolver(configure=False)
resolver.nameservers = ["10.0.0.1"]
resolver.lifetime = 60
print(sorted(answer.address for answer in resolver.resolve("www.example.com", "A")))
print(len(resolver.resolve("big.example.com", "TXT")))
print([(answer.port, str(answer.target)) for answer in resolver.resolve("_http._tcp.example.com", "SRV")])
try:
    resolver.resolve("no.example.com")
except dns.resolver.NXDOMAIN as error:
    print(error)
query = dns.message.make_query("www.example.com", "A")
print(len(dns.query.tcp(query, "10.0.0.1", timeout=30).answer[0]))


async def main():
    asynchronous = dns.asyncresolver.Resolver(configure=False)
    asynchronous.nameservers = ["10.0.0.1"]
    asynchronous.lifetime = 60
    print(len(await asynchronous.resolve("www.example.com", "A")))


asyncio.run(main())
