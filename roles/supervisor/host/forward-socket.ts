import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { pipeline } from "node:stream";
import { limits } from "#shared/schemas/limits.ts";

export interface SocketForward {
  readonly port: number;
  /** Ends every connection. */
  stop(): Promise<void>;
}

/** Forwards a loopback port to the unix socket at `path`, at the reader's pace. While nobody serves the socket, connections end at once. */
export async function forwardSocket(path: string, port: number): Promise<SocketForward> {
  const open = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (client) => {
    const inside = connect({ path, allowHalfOpen: true });
    const end = () => {
      client.destroy();
      inside.destroy();
    };
    for (const socket of [client, inside]) {
      open.add(socket);
      socket.on("error", end).on("close", () => open.delete(socket));
    }
    inside.once("connect", () => {
      if (client.destroyed) return end();
      pipeline(client, inside, (error) => error && end());
      pipeline(inside, client, (error) => error && end());
    });
  });
  server.maxConnections = limits.process.loopback_connections_max;
  await new Promise<void>((resolve, reject) => {
    server.on("error", reject).listen(port, "127.0.0.1", () => resolve());
  });
  return {
    port: (server.address() as AddressInfo).port,
    async stop() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of open) socket.destroy();
      await closed;
    },
  };
}
