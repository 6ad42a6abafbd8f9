"""Reasons: the steps a decision went through."""

from builders_ports import make, split

from fourtuple.ports.bind import check_bind
from fourtuple.ports.reason import CONFLICTS, DECIDED, LEADS, LOSES, NO_MATCH, PASSES, SEARCHED, WINS, Reasons


def explain_tcp(host, source, destination, device=1):
    why = Reasons()
    found = host.tables.lookup_tcp(*split(source), *split(destination), device, why)
    return found, why


def explain_udp(host, source, destination, device=1):
    why = Reasons()
    found = host.tables.lookup_udp(*split(source), *split(destination), device, why)
    return found, why


def explain_bind(host, words, where):
    why = Reasons()
    check_bind(host.tables, make(words), *split(where), why)
    return why


def test_lookup_names_tables_searched_winner_and_losers(host):
    wild = host.listening("tcp4", "0.0.0.0:80")
    host.listening("tcp6 v6only", "[::]:80")
    found, why = explain_tcp(host, "10.0.0.9:5000", "10.0.0.1:80")
    assert [step.rule for step in why.of(SEARCHED)] == [
        "tcp.established",
        "tcp.listener.address",
        "tcp.listener.wildcard",
    ]
    assert [step.score for step in why.of(SEARCHED)] == [0, 0, 2]
    assert [step.endpoint for step in why.of(WINS)] == [wild] == [found]
    assert why.of(NO_MATCH)[0].text == "IPV6_V6ONLY keeps IPv4 away"
    assert why.lines()[0] == "tcp.established: connections of this four-tuple"


def test_lookup_tells_the_loser_its_score(host):
    host.listening("tcp6", "[::1]:80")
    v6 = host.restored("tcp6", "[::]:81", 10)
    v4 = host.restored("tcp4", "0.0.0.0:81", 10)
    found, why = explain_tcp(host, "10.0.0.9:5000", "10.0.0.1:81")
    assert found is v4
    loser = why.of(LOSES)[0]
    assert (loser.endpoint, loser.score) == (v6, 1)
    assert [step.endpoint for step in why.of(LEADS)] == [v4]


def test_lookup_names_the_members_passed_over(host):
    members = [host.listening("tcp4 rp", "0.0.0.0:80") for _ in range(3)]
    found, why = explain_tcp(host, "10.0.0.9:5000", "10.0.0.1:80")
    assert {step.endpoint for step in why.of(LOSES)} == set(members) - {found}
    assert why.of(WINS)[0].endpoint is found


def test_lookup_of_connection_on_another_device(host):
    connection = host.connected("tcp4 dev=2", "10.0.0.1:80", "10.0.0.9:5000")
    found, why = explain_tcp(host, "10.0.0.9:5000", "10.0.0.1:80")
    assert found is None
    assert [step.endpoint for step in why.of(NO_MATCH)] == [connection]
    found, why = explain_tcp(host, "10.0.0.9:5000", "10.0.0.1:80", device=2)
    assert why.of(WINS)[0].text == "the connection, ESTABLISHED"


def test_lookup_of_datagram_says_why_not(host):
    other = host.bound("udp4 ra", "0.0.0.0:53")
    host.udp_connect(other, "10.0.0.1", "10.0.0.8:1")
    device = host.bound("udp4 ra dev=2", "0.0.0.0:53")
    host.bound("udp6 ra", "[::1]:53")
    found, why = explain_udp(host, "10.0.0.9:5000", "10.0.0.1:53")
    assert found is None
    texts = {step.endpoint: step.text for step in why.of(NO_MATCH)}
    assert texts == {
        other: "connected to another peer",
        device: "bound to device 2, the packet came in on 1",
    }


def test_bind_names_the_owner_in_the_way(host):
    harmless = host.bound("tcp4", "10.0.0.2:80")
    owner = host.listening("tcp4 ra", "10.0.0.1:80")
    why = explain_bind(host, "tcp4 ra", "10.0.0.1:80")
    assert [step.endpoint for step in why.of(PASSES)] == [harmless]
    assert [step.endpoint for step in why.of(CONFLICTS)] == [owner]
    assert why.of(CONFLICTS)[0].text == (
        "LISTEN on 10.0.0.1: both have SO_REUSEADDR but the other is listening"
    )


def test_bind_of_free_port(host):
    assert explain_bind(host, "tcp4", "10.0.0.1:80").of(DECIDED)[0].text == "nobody holds port 80"
    assert explain_bind(host, "udp4", "10.0.0.1:53").of(DECIDED)[0].text == "nobody holds port 53"


def test_bind_waved_through_by_the_cache(host):
    host.bound("tcp4 rp", "10.0.0.1:80")
    assert explain_bind(host, "tcp4 rp", "10.0.0.1:80").of(DECIDED)[0].rule == "tcp.bind.cache"


def test_every_pair_verdict_has_words(host):
    cases = [
        ("tcp4", "tcp4", "neither has SO_REUSEADDR or SO_REUSEPORT"),
        ("tcp4 ra", "tcp4", "only the old socket has SO_REUSEADDR"),
        ("tcp4", "tcp4 ra", "only the new socket has SO_REUSEADDR"),
        ("tcp4 rp", "tcp4", "only one of the two has SO_REUSEPORT"),
        ("tcp4 rp uid=7", "tcp4 rp", "both have SO_REUSEPORT but the other belongs to uid 7"),
        ("tcp4 ra", "tcp4 ra", "both have SO_REUSEADDR and the other is not listening"),
    ]
    for port, (owner, new, text) in enumerate(cases, 80):
        host.bound(owner, f"10.0.0.1:{port}")
        why = explain_bind(host, new, f"10.0.0.1:{port}")
        assert why.steps[-1].text.removeprefix("CLOSE on 10.0.0.1: ") == text


def test_udp_bind_names_who_decided(host):
    older = host.bound("udp4 ra", "10.0.0.1:53")
    newer = host.bound("udp4 ra rp", "10.0.0.1:53")
    why = explain_bind(host, "udp4 rp", "10.0.0.1:53")
    assert [step.endpoint for step in why.of(PASSES)] == [newer]
    why = explain_bind(host, "udp4", "10.0.0.1:53")
    assert [step.endpoint for step in why.of(CONFLICTS)] == [newer]
    assert older not in [step.endpoint for step in why.steps]


def test_multicast_lists_winners_and_the_reasons_of_the_rest(host):
    gets = host.bound("udp4 ra", "0.0.0.0:53")
    host.bound("udp4 ra", "10.0.0.1:53")
    why = Reasons()
    host.tables.lookup_udp_multicast(*split("10.0.0.9:1"), *split("239.0.0.1:53"), 1, why)
    assert [step.endpoint for step in why.of(WINS)] == [gets]
    assert why.of(NO_MATCH)[0].text == "bound to another address"
