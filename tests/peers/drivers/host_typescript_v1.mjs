// A host on the TypeScript SDK v1: `host_typescript_v1.mjs COMMAND...`, one JSON line out.
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import {
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  ListRootsRequestSchema,
  ToolListChangedNotificationSchema,
} from '@modelcontextprotocol/sdk/types.js';

import { ANSWERS, report, tour } from './tour.mjs';

await report(async (seen) => {
  const [command, ...args] = process.argv.slice(2);
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

  const transport = new StdioClientTransport({ command, args });
  transport.setProtocolVersion = (version) => (seen.protocol = version);
  await client.connect(transport);
  seen.server = client.getServerVersion().name;
  const call = (name, args, options) =>
    client.callTool({ name, arguments: args }, undefined, options);
  await tour({ transport, call, listTools: () => client.listTools(), announced }, seen);
  await client.close();
});
