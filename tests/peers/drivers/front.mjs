// An mTLS front on Node's own TLS: `front.mjs CERTIFICATE KEY CLIENT_CA UPSTREAM_PORT`. It demands
// a client certificate and hands the decrypted bytes on unread.
import fs from 'node:fs';
import net from 'node:net';
import tls from 'node:tls';

const [certificate, key, clientCa, upstream] = process.argv.slice(2);
const options = {
  cert: fs.readFileSync(certificate),
  key: fs.readFileSync(key),
  ca: fs.readFileSync(clientCa),
  requestCert: true,
  rejectUnauthorized: true,
};

const front = tls.createServer(options, (client) => {
  const server = net.connect(Number(upstream), '127.0.0.1');
  const close = () => [client, server].forEach((socket) => socket.destroy());
  [client, server].forEach((socket) => socket.setNoDelay().on('error', close).on('close', close));
  client.pipe(server).pipe(client);
});
front.listen(0, '127.0.0.1', () => console.log(`LISTENING ${front.address().port}`));
