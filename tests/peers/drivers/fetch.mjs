// `fetch` for hosts that speak HTTP themselves, with the certificates that the environment names.
import fs from 'node:fs';
import { Agent, fetch as send } from 'undici';

const { PEER_CA, PEER_CERTIFICATE, PEER_KEY } = process.env;
const read = (file) => fs.readFileSync(file);
const connect = PEER_CA
  ? { ca: read(PEER_CA), cert: read(PEER_CERTIFICATE), key: read(PEER_KEY) }
  : {};
const dispatcher = new Agent({ connect });

export const fetch = (url, init) => send(url, { ...init, dispatcher });
