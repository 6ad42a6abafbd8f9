"""Socket tables as ss prints them."""

from fourtuple.api.network import Network
from fourtuple.kernel.socket_table import SocketRow
from fourtuple.view.sockets import format_rows, socket_table, users


def test_rows_are_aligned_below_sss_header() -> None:
    listening = SocketRow("tcp", "LISTEN", "0.0.0.0:9999", "0.0.0.0:*")
    listening.send_q = 128
    closing = SocketRow("tcp", "TIME-WAIT", "10.0.0.1:9999", "10.0.0.2:40000")
    assert format_rows([listening, closing]).splitlines() == [
        "Netid State     Recv-Q Send-Q Local Address:Port Peer Address:Port Process",
        "tcp   LISTEN         0    128 0.0.0.0:9999       0.0.0.0:*",
        "tcp   TIME-WAIT      0      0 10.0.0.1:9999      10.0.0.2:40000",
    ]


def test_host_without_sockets_has_the_header_alone() -> None:
    with Network() as network:
        assert len(socket_table(network.host("a")).splitlines()) == 1


def test_each_holder_is_named_with_pid_and_descriptor() -> None:
    with Network() as network:
        host = network.host("a")
        processes = [host.spawn(int), host.spawn(int)]
        network.run(stop_daemons=False)
        row = SocketRow("udp", "UNCONN", "0.0.0.0:53", "0.0.0.0:*")
        assert users(row) == ""
        row.holders = [(process.kernel_process, 3) for process in processes if process.kernel_process]
        assert users(row) == 'users:(("int",pid=2,fd=3),("int",pid=3,fd=3))'
