// Preloaded into Node peers (`node -r`). A server that names no address would listen on every
// interface of the machine: here it is bound to 127.0.0.1, in the same turn, since some peers read
// their address at once. The port goes to standard error as `LISTENING <port>`.
const net = require('node:net');

const bind = net.Server.prototype._listen2;

net.Server.prototype._listen2 = function (address, port, family, ...rest) {
  const isTcp = typeof port === 'number' && port >= 0;
  if (isTcp && (!address || address === '::' || address === '0.0.0.0')) {
    [address, family] = ['127.0.0.1', 4];
  }
  this.once('listening', () => isTcp && process.stderr.write(`LISTENING ${this.address().port}\n`));
  return bind.call(this, address, port, family, ...rest);
};
