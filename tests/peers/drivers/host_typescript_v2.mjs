// A host on the TypeScript SDK v2: `host_typescript_v2.mjs MODE COMMAND...`, one JSON line out.
// In place of the command there may be the URL of a server.
import {
  Client,
  SSEClientTransport,
  StreamableHTTPClientTransport,
} from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';

import { fetch } from './fetch.mjs';
import { ANSWERS, report, tour } from './tour.mjs';

function reach([command, ...args]) {
  if (!command.startsWith('http')) return new StdioClientTransport({ command, args });
  const Transport = command.endsWith('/sse') ? SSEClientTransport : StreamableHTTPClientTransport;
  return new Transport(new URL(command), { fetch });
}

await report(async (seen) => {
  const [mode, ...words] = process.argv.slice(2);
  const client = new Client(
    { name: 'typescript-v2', version: '1.0.0' },
    {
      capabilities: { sampling: {}, elicitation: { form: {} }, roots: { listChanged: true } },
      versionNegotiation: { mode },
    },
  );
  for (const [method, answer] of Object.entries(ANSWERS)) {
    client.setRequestHandler(method, answer);
  }
  client.setRequestHandler('roots/list', () => {
    seen.roots_asked = true;
    return ANSWERS['roots/list']();
  });
  const announced = new Promise((resolve) =>
    client.setNotificationHandler('notifications/tools/list_changed', resolve),
  );

  const transport = reach(words);
  await client.connect(transport);
  seen.protocol = client.getNegotiatedProtocolVersion();
  const names = (await client.listTools()).tools.map((tool) => tool.name);
  if (seen.protocol === '2026-07-28' && names.includes('announce')) {
    await client.listen({ toolsListChanged: true });
  }
  seen.server = client.getServerVersion().name;
  const call = (name, args, options) => client.callTool({ name, arguments: args }, options);
  await tour({ transport, call, listTools: () => client.listTools(), announced }, seen);
  await transport.terminateSession?.();
  await client.close();
});
