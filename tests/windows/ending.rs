//! No process of a server outlives its session.

use std::time::Duration;
use std::time::Instant;

use serde_json::json;

use crate::fixture;
use crate::fixture::Way;
use crate::program::Serve;
use crate::witness::Witness;

#[test]
fn a_session_that_is_left_takes_all_its_processes_along_and_no_others() {
    let witness = Witness::new();
    let mut serve = Serve::start(&[], &fixture::command(&witness, Way::Tree));
    let (mut one, mut other) = (serve.bridge(), None);
    let family = witness.family();
    let other = other.get_or_insert_with(|| serve.bridge());
    let mut others = witness.family();
    one.ask("ping", json!({}));
    one.close();
    family.into_iter().for_each(|life| life.ends());
    others.iter_mut().for_each(|life| life.lives());
    other.ask("ping", json!({}));
    assert!(serve.running.is_running());
}

#[test]
fn a_server_that_does_not_end_with_its_input_is_ended_after_its_time_and_no_more() {
    const GRACE: Duration = Duration::from_secs(2);
    let witness = Witness::new();
    // Nobody can be asked to end: the second time is not waited for.
    let flags = ["--exit-timeout", "2s", "--kill-timeout", "10m"];
    let serve = Serve::start(&flags, &fixture::command(&witness, Way::Deaf));
    let bridge = serve.bridge();
    let family = witness.family();
    let begun = Instant::now();
    bridge.close();
    family.into_iter().for_each(|life| life.ends());
    assert!(begun.elapsed() >= GRACE, "after {:?}", begun.elapsed());
}

#[test]
fn when_serve_is_killed_nothing_of_its_servers_is_left() {
    let witness = Witness::new();
    // They would go on without their input.
    let mut serve = Serve::start(&[], &fixture::command(&witness, Way::Deaf));
    let bridges = [serve.bridge(), serve.bridge()];
    let families = [witness.family(), witness.family()];
    serve.running.kill();
    families.into_iter().flatten().for_each(|life| life.ends());
    drop(bridges);
}
