from pymodbus.datastore import ModbusDeviceContext, ModbusSequentialDataBlock, ModbusServerContext
from pymodbus.server import StartTcpServer

block = ModbusSequentialDataBlock(1, list(range(100, 200)))
StartTcpServer(ModbusServerContext(ModbusDeviceContext(hr=block), single=True), address=("0.0.0.0", 502))
