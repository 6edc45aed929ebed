import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { describe } from '@jest/globals';
import { fanOutContract } from '#infra/fan-out/fan-out.contract.ts';
import { RedisFanOut } from './redis-fan-out.ts';

/** As much of Redis as publish/subscribe needs, over its own protocol, for machines that have none. REDIS_URL names a real one. */
class SpokenRedis {
  readonly #subscribers = new Map<string, Set<Socket>>();
  readonly #sockets = new Set<Socket>();
  readonly #server: Server = createServer((socket) => this.#serve(socket));

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `redis://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    let pending = '';
    socket.on('data', (data: Buffer) => {
      pending += data.toString();
      for (;;) {
        const command = /^\*(\d+)\r\n/.exec(pending);
        if (command === null) return;
        const parts = [...pending.matchAll(/\$\d+\r\n([^\r]*)\r\n/g)].slice(0, Number(command[1])).map(([, part = '']) => part);
        if (parts.length < Number(command[1])) return;
        pending = pending.slice(
          command[0].length + parts.reduce((length, part) => length + `$${Buffer.byteLength(part)}\r\n${part}\r\n`.length, 0),
        );
        socket.write(this.#answer(socket, parts));
      }
    });
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      this.#sockets.delete(socket);
      for (const sockets of this.#subscribers.values()) sockets.delete(socket);
    });
  }

  #answer(socket: Socket, [name = '', channel = '', text = '']: string[]): string {
    const listeners = this.#subscribers.get(channel) ?? new Set();
    switch (name.toLowerCase()) {
      case 'hello':
        return "-ERR unknown command 'HELLO'\r\n";
      case 'info':
        return bulk('redis_version:7.0.0\r\nloading:0');
      case 'subscribe':
        this.#subscribers.set(channel, listeners.add(socket));
        return `*3\r\n${bulk('subscribe')}${bulk(channel)}:1\r\n`;
      case 'unsubscribe':
        listeners.delete(socket);
        return `*3\r\n${bulk('unsubscribe')}${bulk(channel)}:0\r\n`;
      case 'publish':
        for (const listener of listeners) listener.write(`*3\r\n${bulk('message')}${bulk(channel)}${bulk(text)}`);
        return `:${listeners.size}\r\n`;
      default:
        return '+OK\r\n';
    }
  }
}

const bulk = (text: string): string => `$${Buffer.byteLength(text)}\r\n${text}\r\n`;

describe('Fan-out over Redis', () => {
  fanOutContract(async () => {
    const given = process.env['REDIS_URL'];
    const spoken = given === undefined ? new SpokenRedis() : undefined;
    const url = given ?? (await spoken!.start());
    const trouble = (error: Error): never => {
      throw error;
    };
    const [here, there] = [new RedisFanOut(url, trouble), new RedisFanOut(url, trouble)];
    return {
      here,
      there,
      close: async () => {
        await Promise.all([here.close(), there.close()]);
        await spoken?.stop();
      },
    };
  });
});
