import asyncio

from mysql_mimic import MysqlServer, Session


class Things(Session):
    async def query(self, expression, sql, attrs):
        if "missing" in sql:
            raise ValueError("no such thing")
        return [(number, f"name {number}") for number in range(100)], ["id", "name"]

    async def schema(self):
        return {"things": {"id": "INT", "name": "TEXT"}}


asyncio.run(MysqlServer(session_factory=Things).serve_forever(host="0.0.0.0", port=3306))
