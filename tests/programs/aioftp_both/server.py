import asyncio
import pathlib
import tempfile

import aioftp

home = pathlib.Path(tempfile.mkdtemp())


async def main():
    server = aioftp.Server([aioftp.User("user", "12345", base_path=home)])
    await server.run("0.0.0.0", 21)


asyncio.run(main())
