import asyncio

from pymodbus.client import AsyncModbusTcpClient, ModbusTcpClient

with ModbusTcpClient("server", timeout=10) as client:
    print(client.read_holding_registers(2, count=5).registers)
    client.write_registers(4, [7, 8])
    print(client.read_holding_registers(2, count=5).registers)
    print(client.read_holding_registers(900, count=1).isError())


async def main():
    client = AsyncModbusTcpClient("server", timeout=10)
    await client.connect()
    answers = await asyncio.gather(*(client.read_holding_registers(n, count=2) for n in range(3)))
    print([answer.registers for answer in answers])
    client.close()


asyncio.run(main())
