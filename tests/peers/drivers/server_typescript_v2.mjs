// A server on the TypeScript SDK v2 behind Node's own TLS, with the tool names of server-everything:
// `server_typescript_v2.mjs CERTIFICATE KEY CLIENT_CA [reject]`. It keeps nothing between requests:
// the modern era as specified, the legacy era without sessions, or with `reject` not at all.
import fs from 'node:fs';
import https from 'node:https';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout } from 'node:timers/promises';
import {
  McpServer,
  createMcpHandler,
  fromJsonSchema,
  inputRequired,
} from '@modelcontextprotocol/server';

const [certificate, key, clientCa] = process.argv.slice(2, 5).map((file) => fs.readFileSync(file));
const legacy = process.argv[5] ?? 'stateless';

let cancelled = 0;

const handler = createMcpHandler(({ era }) => {
  const server = new McpServer({ name: 'typescript-v2', version: '1.0.0' });
  const tool = (name, properties, run) =>
    server.registerTool(
      name,
      { inputSchema: fromJsonSchema({ type: 'object', properties }) },
      async (input, context) => {
        const outcome = await run(input, context.mcpReq);
        return typeof outcome === 'string' ? { content: [{ type: 'text', text: outcome }] } : outcome;
      },
    );

  tool('echo', { message: { type: 'string' } }, ({ message }) => `Echo: ${message}`);
  tool(
    'trigger-long-running-operation',
    { duration: { type: 'number' }, steps: { type: 'integer' } },
    longRunning,
  );
  tool('trigger-sampling-request', { prompt: { type: 'string' } }, ({ prompt }, request) =>
    request.inputResponses?.answer
      ? `sampling result: ${request.inputResponses.answer.content.text}`
      : inputRequired({ inputRequests: { answer: sampling(prompt) } }),
  );
  tool('trigger-elicitation-request', {}, (_, request) =>
    request.inputResponses?.person
      ? `Name: ${request.inputResponses.person.content.name}`
      : inputRequired({ inputRequests: { person: elicitation() } }),
  );
  if (era === 'modern') {
    tool('cancellations', {}, () => String(cancelled)); // the other era needs a session to cancel
    tool('announce', {}, () => {
      handler.notify.toolsChanged();
      return 'announced';
    });
  }
  return server;
}, { legacy });

async function longRunning({ duration, steps }, { _meta, notify, signal }) {
  signal.addEventListener('abort', () => (cancelled += 1));
  for (let progress = 1; progress <= steps; progress += 1) {
    await setTimeout((duration * 1000) / steps, undefined, { signal });
    const params = { progressToken: _meta.progressToken, progress, total: steps };
    await notify({ method: 'notifications/progress', params });
  }
  return 'completed';
}

function sampling(prompt) {
  const messages = [{ role: 'user', content: { type: 'text', text: prompt } }];
  return inputRequired.createMessage({ messages, maxTokens: 50 });
}

function elicitation() {
  const properties = { name: { type: 'string' } };
  const requestedSchema = { type: 'object', properties, required: ['name'] };
  return inputRequired.elicit({ message: 'Who are you?', requestedSchema });
}

// Between Node's requests and the SDK's web-standard ones.
async function serve(incoming, outgoing) {
  const gone = new AbortController();
  outgoing.on('close', () => gone.abort());
  const { method, headers } = incoming;
  const body = method === 'POST' ? Readable.toWeb(incoming) : undefined;
  const url = `https://${headers.host}${incoming.url}`;
  const answer = await handler.fetch(
    new Request(url, { method, headers, body, duplex: 'half', signal: gone.signal }),
  );
  console.log(`${method} ${incoming.url} ${answer.status}`);
  outgoing.writeHead(answer.status, Object.fromEntries(answer.headers));
  outgoing.flushHeaders();
  if (answer.body) await pipeline(Readable.fromWeb(answer.body), outgoing).catch(() => {});
  else outgoing.end();
}

const tls = { cert: certificate, key, ca: clientCa, requestCert: true, rejectUnauthorized: true };
const server = https.createServer(tls, serve);
server.listen(0, '127.0.0.1', () => console.log(`LISTENING ${server.address().port}`));
