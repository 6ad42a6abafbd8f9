import os

import thriftpy2
from thriftpy2.rpc import client_context

calc = thriftpy2.load(os.path.join(os.path.dirname(os.path.abspath(__file__)), "calc.thrift"), "calc_thrift")
with client_context(calc.Calc, "server", 6000, timeout=60_000) as client:
    print([client.add(number, 2**40) - 2**40 for number in range(4)])
