// What every TypeScript host does with a server, whatever the version of its SDK. The host hands in
// its transport, `call(name, arguments, options)`, `listTools()` and a promise `announced`; `seen` is
// filled step by step, so that a failure shows how far the tour came.
const MESSAGE = 'naïve "quotes" \\ 日本語 🦀\nsecond line \u2028 end';
const LARGE = '0123456789abcdef'.repeat(20_000); // more than any pipe, record or window holds at once
// The one call to mcp-server-time or server-filesystem.
const SIMPLE = { get_current_time: { timezone: 'UTC' }, list_allowed_directories: {} };

export const ANSWERS = {
  'sampling/createMessage': () => ({
    role: 'assistant',
    model: 'test',
    content: { type: 'text', text: 'the model answers' },
  }),
  'elicitation/create': () => ({ action: 'accept', content: { name: 'Ada' } }),
  'roots/list': () => ({ roots: [] }),
};

export async function tour({ transport, call, listTools, announced }, seen) {
  const text = async (name, args, options) =>
    (await call(name, args, options)).content.map((part) => part.text ?? '').join('\n');

  seen.tools = (await listTools()).tools.map((tool) => tool.name);
  const simple = seen.tools.find((name) => name in SIMPLE); // a server with tools of its own
  if (simple) {
    seen.answer = await text(simple, SIMPLE[simple]);
    return;
  }
  seen.echo = (await text('echo', { message: MESSAGE })) === `Echo: ${MESSAGE}`;
  seen.large = (await text('echo', { message: LARGE })) === `Echo: ${LARGE}`;
  seen.progress = await progress(transport, call);
  seen.error = await error(call);
  seen.concurrent = await concurrent(text);
  seen.sampled = await text('trigger-sampling-request', { prompt: 'hello', maxTokens: 50 });
  seen.elicited = await text('trigger-elicitation-request', {});
  seen.cancelled = await cancellation(call, text, seen.tools.includes('cancellations'));
  if (seen.tools.includes('announce')) {
    await text('announce', {});
    await Promise.race([announced, late()]);
    seen.announced = true;
  }
}

// Read off the wire: where the last progress and the result come in one chunk, both SDKs hand the
// result to their user first and then forget the progress, with a bridge and without.
async function progress(transport, call) {
  const steps = [];
  const deliver = transport.onmessage;
  transport.onmessage = (message, ...rest) => {
    if (message.method === 'notifications/progress') steps.push(message.params.progress);
    deliver(message, ...rest);
  };
  const onprogress = () => {};
  await call('trigger-long-running-operation', { duration: 0.3, steps: 3 }, { onprogress });
  transport.onmessage = deliver;
  return steps;
}

async function error(call) {
  try {
    const result = await call('no-such-tool', {});
    return result.isError ? result.content[0].text : '';
  } catch (refused) {
    return refused.message;
  }
}

async function concurrent(text) {
  const numbers = [...Array(16).keys()].map(String);
  const answers = await Promise.all(numbers.map((message) => text('echo', { message })));
  return answers.filter((answer, number) => answer === `Echo: ${number}`).length;
}

// Gives up on a long call; true when the server noticed, or at least still answers.
async function cancellation(call, text, counted) {
  const { signal, abort } = abortable();
  const options = { signal, onprogress: abort };
  const cut = await call('trigger-long-running-operation', { duration: 600, steps: 6000 }, options)
    .then(() => false, () => true);
  while (counted && (await text('cancellations', {})) === '0');
  return cut && (await text('echo', { message: 'still here' })) === 'Echo: still here';
}

// Whatever has to arrive has this long.
function late() {
  return new Promise((_, reject) => setTimeout(reject, 20_000, new Error('nothing came')).unref());
}

function abortable() {
  const controller = new AbortController();
  return { signal: controller.signal, abort: () => controller.abort() };
}

// Runs `host(seen)` and prints what it saw as one JSON line.
export async function report(host) {
  const seen = {};
  try {
    await host(seen);
    seen.finished = true;
  } catch (failure) {
    console.error(failure);
  }
  console.log(JSON.stringify(seen));
  process.exit(0);
}
