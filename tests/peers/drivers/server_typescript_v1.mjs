// A server on the TypeScript SDK v1 behind Node's own TLS: `server_typescript_v1.mjs CERTIFICATE KEY
// CLIENT_CA`. Streamable HTTP with sessions at /mcp and HTTP+SSE at /sse. Its lists hold what is
// awkward to print; that of the prompts comes in pages, and there is none of resource templates.
import { randomUUID } from 'node:crypto';
import fs from 'node:fs';
import https from 'node:https';
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { SSEServerTransport } from '@modelcontextprotocol/sdk/server/sse.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import {
  ListPromptsRequestSchema,
  ListResourcesRequestSchema,
  ListToolsRequestSchema,
} from '@modelcontextprotocol/sdk/types.js';

const inputSchema = { type: 'object' };
const tools = [
  { name: 'plain', description: 'with a description', inputSchema },
  { name: 'bare', inputSchema },
  { name: 'empty', description: '', inputSchema },
  { name: 'titled', title: 'A title', description: 'of two\nlines\tand a tab', inputSchema },
  { name: 'coloured', description: '\u001b[31mred\u001b[0m and \u001b]0;a title\u0007bell', inputSchema },
  { name: 'größe', description: 'ünï – çødé 🦀', inputSchema },
  { name: ' spaces ', description: '  around  ', inputSchema },
];
const resources = [
  { uri: 'file:///notes/today.txt', name: 'notes' },
  { uri: 'demo://one', name: 'two\r\nlines' },
  { uri: 'https://host.example/path?query=%20#part', name: '' },
];
const prompts = ['first', 'second', 'third', 'fourth', 'fifth'];
const PAGE = 2;

function newServer() {
  const capabilities = { tools: {}, resources: {}, prompts: {} };
  const instructions = 'Ask first.\nThen act.';
  const server = new Server({ name: 'typescript-v1', version: '1.0.0' }, { capabilities, instructions });
  server.setRequestHandler(ListToolsRequestSchema, () => ({ tools }));
  server.setRequestHandler(ListResourcesRequestSchema, () => ({ resources }));
  server.setRequestHandler(ListPromptsRequestSchema, ({ params }) => {
    const start = Number(params?.cursor ?? 0);
    const end = start + PAGE;
    const page = prompts.slice(start, end).map((name) => ({ name, description: 'not shown' }));
    return end < prompts.length ? { prompts: page, nextCursor: String(end) } : { prompts: page };
  });
  return server;
}

const sessions = new Map(); // of both transports, by their ids

async function streamable(request, response) {
  const known = sessions.get(request.headers['mcp-session-id']);
  if (known) return known.handleRequest(request, response);
  const transport = new StreamableHTTPServerTransport({
    sessionIdGenerator: randomUUID,
    onsessioninitialized: (id) => sessions.set(id, transport),
  });
  await newServer().connect(transport);
  return transport.handleRequest(request, response);
}

async function stream(response) {
  const transport = new SSEServerTransport('/messages', response);
  sessions.set(transport.sessionId, transport);
  await newServer().connect(transport);
}

async function serve(request, response) {
  response.on('close', () => console.log(`${request.method} ${request.url} ${response.statusCode}`));
  const { pathname, searchParams } = new URL(request.url, 'https://localhost');
  if (pathname === '/mcp') return streamable(request, response);
  if (pathname === '/sse' && request.method === 'GET') return stream(response);
  const session = sessions.get(searchParams.get('sessionId'));
  if (pathname === '/messages' && session) return session.handlePostMessage(request, response);
  return response.writeHead(404).end();
}

const [cert, key, ca] = process.argv.slice(2).map((file) => fs.readFileSync(file));
const server = https.createServer({ cert, key, ca, requestCert: true, rejectUnauthorized: true }, serve);
server.listen(0, '127.0.0.1', () => console.log(`LISTENING ${server.address().port}`));
