import { createServer } from 'node:net';

export const LOOPBACK = '127.0.0.1';

/** Binds `port` (0: any) on the loopback address for a moment; the bound port, or undefined when it is taken. */
function tryPort(port: number): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE' || error.code === 'EACCES') resolve(undefined);
      else reject(error);
    });
    probe.listen({ port, host: LOOPBACK, exclusive: true }, () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address ? address.port : undefined));
    });
  });
}

/** The preferred port when it is free, else 0, which lets whoever binds it take any. */
export async function preferredPort(preferred?: number): Promise<number> {
  return (preferred && (await tryPort(preferred))) || 0;
}

/** The preferred port when it is free, else one that the system chooses. */
export async function freePort(preferred?: number): Promise<number> {
  const port = (preferred && (await tryPort(preferred))) || (await tryPort(0));
  if (!port) throw new Error('no free port on the loopback address');
  return port;
}
