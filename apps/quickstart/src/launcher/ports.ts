import { connect, createServer } from 'node:net';

/** The ports that are in use on this machine. */
export async function portsInUse(ports: readonly number[]): Promise<number[]> {
  const taken = await Promise.all(ports.map(async (port) => (await canConnect(port)) || !(await canListen(port))));
  return ports.filter((_, index) => taken[index]);
}

/** Some systems let a program listen on 127.0.0.1 beside one that listens on all addresses. */
function canConnect(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}

function canListen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen({ port, host: '127.0.0.1', exclusive: true }, () => probe.close(() => resolve(true)));
  });
}
