//! O11: a link that loses packets. It is the loopback of a network namespace that the test makes for
//! itself, and that goes away with the last process in it.

use std::fs;
use std::time::Duration;

use serde_json::json;

use crate::support::host::initialize_params;
use crate::support::launch::Launch;
use crate::support::mcp::Plan;
use crate::support::namespace;
use crate::support::secure::Pki;

/// For one answer: a system before Linux 6.15 may wait longer and longer between two attempts.
const PATIENCE: Duration = Duration::from_secs(120);

const NAME: &str = "packet_loss::a_link_that_loses_three_packets_of_ten_loses_and_repeats_no_call";

/// Runs its arguments where 30 % of all packets are lost on arrival. What is lost is sent again sooner
/// than on a real network, after 10 ms to 1 s, or the test would take minutes.
const LOSSY: &str = "
    ip link set lo up mtu 1500
    ip route replace local 127.0.0.1 dev lo table local rto_min 10ms
    echo 1 > /proc/sys/net/ipv4/tcp_thin_linear_timeouts
    echo 1000 > /proc/sys/net/ipv4/tcp_rto_max_ms || true
    nft add table inet lossy
    nft 'add chain inet lossy arrival { type filter hook input priority 0; }'
    nft 'add rule inet lossy arrival numgen random mod 10 < 3 drop'
";

#[test]
fn a_link_that_loses_three_packets_of_ten_loses_and_repeats_no_call() {
    if !namespace::enter(NAME, LOSSY) {
        return;
    }
    ["h2", "http/1.1"].into_iter().for_each(session);
    assert!(sent_again() > 100, "{} packets were sent again", sent_again());
}

/// 50 calls, half of them at once and half one by one.
fn session(protocol: &str) {
    let pki = Pki::new();
    let remote = Plan::legacy().behind(pki.acceptor(&[protocol])).answers_in_events().start();
    let launch = Launch::new(&remote.url()).args(pki.flags());
    let mut host = launch.args(["--connect-timeout", "60s"]).start();
    host.ask(0, "initialize", initialize_params());
    host.answer_within(PATIENCE, 0);
    host.notify("notifications/initialized", json!({}));
    let answered = |id: i32| drop(host.answer_within(PATIENCE, id));
    (1..=25).for_each(|id| host.ask_echo(id));
    (1..=25).for_each(answered);
    for id in 26..=50 {
        host.ask_echo(id);
        answered(id);
    }
    for id in 1..=50 {
        assert!(host.answer(id)["result"].is_object(), "{protocol}: {}", host.answer(id));
        assert_eq!(host.answers_to(id), 1, "{protocol}: answers to {id}");
        assert_eq!(remote.executions(id), 1, "{protocol}: executions of {id}");
    }
    host.close_input();
    assert_eq!(host.exit_code(), 0);
}

/// How many packets of TCP were sent again in this namespace.
fn sent_again() -> u32 {
    let counters = fs::read_to_string("/proc/thread-self/net/snmp").unwrap();
    let mut lines = counters.lines().filter_map(|line| line.strip_prefix("Tcp: "));
    let (names, values) = (lines.next().unwrap(), lines.next().unwrap());
    let mut pairs = names.split(' ').zip(values.split(' '));
    pairs.find(|(name, _)| *name == "RetransSegs").unwrap().1.parse().unwrap()
}
