// Preloaded into Node peers (`node -r`). A server that names no address would listen on every
// interface of the machine: here it is bound to 127.0.0.1, in the same turn, since some peers read
// their address at once. The port goes to standard error as `LISTENING <port>`.
const net = require('node:net');

const bind = net.Server.prototype._listen2;

net.Server.prototype._listen2 = function (address, port, family, ...rest) {
  const isTcp = typeof port === 'number' && port >= 0;
  if (!isTcp) return bind.call(this, address, port, family, ...rest);
  this.once('listening', () => report(this.address()));
  return bind.call(this, '127.0.0.1', port, 4, ...rest);
};

function report({ address, port }) {
  if (address !== '127.0.0.1') throw new Error(`listens on ${address}`);
  process.stderr.write(`LISTENING ${port}\n`);
}
