// A host on the TypeScript SDK v1: `host_typescript_v1.mjs COMMAND...`, one JSON line out.
// In place of the command there may be the URL of a server.
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import {
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  ListRootsRequestSchema,
  ToolListChangedNotificationSchema,
} from '@modelcontextprotocol/sdk/types.js';

import { fetch } from './fetch.mjs';
import { ANSWERS, report, tour } from './tour.mjs';

function reach([command, ...args]) {
  if (!command.startsWith('http')) return new StdioClientTransport({ command, args });
  const Transport = command.endsWith('/sse') ? SSEClientTransport : StreamableHTTPClientTransport;
  return new Transport(new URL(command), { fetch });
}

await report(async (seen) => {
  const capabilities = { sampling: {}, elicitation: {}, roots: { listChanged: true } };
  const client = new Client({ name: 'typescript-v1', version: '1.0.0' }, { capabilities });
  client.setRequestHandler(CreateMessageRequestSchema, ANSWERS['sampling/createMessage']);
  client.setRequestHandler(ElicitRequestSchema, ANSWERS['elicitation/create']);
  client.setRequestHandler(ListRootsRequestSchema, () => {
    seen.roots_asked = true;
    return ANSWERS['roots/list']();
  });
  const announced = new Promise((resolve) =>
    client.setNotificationHandler(ToolListChangedNotificationSchema, resolve),
  );

  const transport = reach(process.argv.slice(2));
  const setProtocolVersion = transport.setProtocolVersion?.bind(transport);
  transport.setProtocolVersion = (version) => {
    seen.protocol = version;
    setProtocolVersion?.(version);
  };
  await client.connect(transport);
  seen.server = client.getServerVersion().name;
  const call = (name, args, options) =>
    client.callTool({ name, arguments: args }, undefined, options);
  await tour({ transport, call, listTools: () => client.listTools(), announced }, seen);
  await transport.terminateSession?.();
  await client.close();
});
