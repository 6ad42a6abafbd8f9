import datetime
import xmlrpc.client

with xmlrpc.client.ServerProxy("http://server:8000", use_builtin_types=True) as proxy:
    print(proxy.pow(2, 9))
    print(proxy.divide(1, 4))
    try:
        proxy.divide(1, 0)
    except xmlrpc.client.Fault as fault:
        print(fault.faultString)
    calls = xmlrpc.client.MultiCall(proxy)
    calls.pow(3, 4)
    calls.divide(9, 3)
    print(list(calls()))
    print("divide" in proxy.system.listMethods())
print(xmlrpc.client.dumps((datetime.datetime(2026, 1, 1),), "when").count("20260101T00:00:00"))
