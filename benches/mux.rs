//! What it costs that several clients share a server: `cargo bench --bench mux`. Beside it stands a
//! channel of the client's own, with nothing in between.

use bytes::Bytes;
use divan::Bencher;
use divan::counter::ItemsCount;
use mcp_secure_remote::adapt::Era;
use mcp_secure_remote::adapt::mux::Mux;
use mcp_secure_remote::adapt::mux::Settings;
use mcp_secure_remote::channel::Channel;
use mcp_secure_remote::message::Message;
use tokio::runtime::Builder;
use tokio::runtime::Runtime;

/// Calls a sample.
const CALLS: usize = 1000;
const MIB: usize = 1024 * 1024;

fn main() {
    divan::main();
}

/// Each call has a channel of its own that is made for it.
#[divan::bench]
fn channel_for_each_call(bencher: Bencher) {
    measure(bencher, |runtime, request, answer| {
        runtime.block_on(async {
            for _ in 0..CALLS {
                let (mut near, mut far) = Channel::pair();
                near.sender.send(request.clone()).await.unwrap_or_default();
                divan::black_box(far.receiver.recv().await);
                far.sender.send(answer.clone()).await.unwrap_or_default();
                divan::black_box(near.receiver.recv().await);
            }
        });
    });
}

/// Each call is a client of its own, as a modern POST is: it joins, asks, is answered, and leaves.
#[divan::bench]
fn client_for_each_call(bencher: Bencher) {
    measure(bencher, |runtime, request, _| {
        runtime.block_on(async {
            let (mux, mut server) = share();
            for _ in 0..CALLS {
                let Ok((sender, mut receiver)) = mux.join() else { return };
                sender.send(request.clone()).await.unwrap_or_default();
                answer_next(&mut server).await;
                divan::black_box(receiver.recv().await);
            }
        });
    });
}

/// One client stays.
#[divan::bench]
fn client_that_stays(bencher: Bencher) {
    measure(bencher, |runtime, request, _| {
        runtime.block_on(async {
            let (mux, mut server) = share();
            let Ok((sender, mut receiver)) = mux.join() else { return };
            for _ in 0..CALLS {
                sender.send(request.clone()).await.unwrap_or_default();
                answer_next(&mut server).await;
                divan::black_box(receiver.recv().await);
            }
        });
    });
}

/// The server's part of a client's call alone, to be taken off.
#[divan::bench]
fn server_alone(bencher: Bencher) {
    measure(bencher, |runtime, request, _| {
        runtime.block_on(async {
            let (near, mut server) = Channel::pair();
            let Channel { sender, mut receiver } = near;
            for _ in 0..CALLS {
                sender.send(request.clone()).await.unwrap_or_default();
                answer_next(&mut server).await;
                divan::black_box(receiver.recv().await);
            }
        });
    });
}

/// A large result gets its own id back.
#[divan::bench(args = ["7", "\"b2c1f6a0-8a52-4d7e-9f60-6a3f8d0f3a11\""], sample_count = 50)]
fn result_of_64_mib(bencher: Bencher, id: &str) {
    let runtime = runtime();
    let text = "x".repeat(64 * MIB);
    bencher
        .with_inputs(|| {
            let _entered = runtime.enter();
            let (mux, mut server) = share();
            let (asked, client) = runtime.block_on(async {
                let (sender, receiver) = mux.join().map_err(|f| f.to_string())?;
                sender.send(parse(&request(id))?).await.map_err(|gone| gone.to_string())?;
                let asked = server.receiver.recv().await.ok_or("no request")?;
                Ok::<_, String>((id_of(&asked), (sender, receiver)))
            })?;
            let answer = parse(&format!(r#"{{"jsonrpc":"2.0","id":{asked},"result":"{text}"}}"#))?;
            Ok::<_, String>((mux, server, client, answer))
        })
        .bench_values(|input| {
            let Ok((mux, server, (sender, mut receiver), answer)) = input else { return };
            runtime.block_on(async {
                server.sender.send(answer).await.unwrap_or_default();
                divan::black_box(receiver.recv().await);
            });
            drop((mux, sender));
        });
}

fn measure(bencher: Bencher, run: impl Fn(&Runtime, &Message, &Message) + Sync) {
    let runtime = runtime();
    let answer = parse(&answer("7"));
    let (Ok(request), Ok(answer)) = (parse(&request("7")), answer) else { return };
    bencher.counter(ItemsCount::new(CALLS)).bench_local(|| run(&runtime, &request, &answer));
}

fn runtime() -> Runtime {
    #[allow(clippy::expect_used, reason = "nothing can be measured without one")]
    Builder::new_current_thread().enable_time().build().expect("a runtime")
}

fn share() -> (Mux, Channel) {
    let (near, far) = Channel::pair();
    (Mux::new(near, Settings { era: Era::Modern, cancel_on_leave: true }), far)
}

/// A call as a modern client writes it.
fn request(id: &str) -> String {
    let meta = r#"{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"bench","version":"1"},"io.modelcontextprotocol/clientCapabilities":{},"progressToken":7}"#;
    format!(
        r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"echo","arguments":{{"text":"hello"}},"_meta":{meta}}}}}"#
    )
}

fn answer(id: &str) -> String {
    format!(
        r#"{{"jsonrpc":"2.0","id":{id},"result":{{"content":[{{"type":"text","text":"hello"}}]}}}}"#
    )
}

/// The server reads a request and answers it.
async fn answer_next(server: &mut Channel) {
    let Some(request) = server.receiver.recv().await else { return };
    if let Ok(answer) = parse(&answer(&id_of(&request))) {
        server.sender.send(answer).await.unwrap_or_default();
    }
}

fn id_of(request: &Message) -> String {
    request.request().map_or_else(String::new, |(id, _)| id.as_json().to_owned())
}

fn parse(text: &str) -> Result<Message, String> {
    Message::parse(Bytes::copy_from_slice(text.as_bytes())).map_err(|e| e.to_string())
}
