import os

import thriftpy2
from thriftpy2.rpc import make_server

calc = thriftpy2.load(os.path.join(os.path.dirname(os.path.abspath(__file__)), "calc.thrift"), "calc_thrift")


class Handler:
    def add(self, a, b):
        return a + b


make_server(calc.Calc, Handler(), "0.0.0.0", 6000).serve()
