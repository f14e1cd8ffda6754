import { connect, createServer } from "node:net";

export interface SocketDoor extends AsyncDisposable {
  readonly origin: string;
}

/** A loopback TCP port that forwards all bytes to the unix socket at `path`, like the supervisor's admin port. */
export async function openDoor(path: string): Promise<SocketDoor> {
  const server = createServer((client) => {
    const upstream = connect(path);
    client.pipe(upstream).pipe(client);
    client.on("error", () => upstream.destroy());
    upstream.on("error", () => client.destroy());
    client.on("close", () => upstream.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the door has no port");
  return {
    origin: `http://127.0.0.1:${address.port}`,
    async [Symbol.asyncDispose]() {
      server.close();
    },
  };
}
