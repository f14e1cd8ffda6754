import { afterEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { forwardSocket, type SocketForward } from "../../../roles/supervisor/host/forward-socket.ts";
import { Catch, Flood } from "../../support/clients/flood.ts";
import { waitFor } from "../../support/wait-for.ts";

const flood_bytes = 64 * 1_048_576;
const taken_bytes_max = 32 * 1_048_576;

const folder = mkdtempSync(join(tmpdir(), "platform-forward-"));
const path = join(folder, "rpc.sock");
let forward: SocketForward;
let server: Server | undefined;
afterEach(async () => {
  await forward.stop();
  server?.close();
  rmSync(path, { force: true });
});

/** The forward, and its two ends. */
async function ends(): Promise<{ readonly client: Socket; readonly inside: Socket }> {
  const arrived = Promise.withResolvers<Socket>();
  server = createServer({ allowHalfOpen: true }, (socket) => arrived.resolve(socket.on("error", () => undefined)));
  await new Promise<void>((resolve) => server?.listen(path, () => resolve()));
  forward = await forwardSocket(path, 0);
  const client = connect({ port: forward.port, host: "127.0.0.1", allowHalfOpen: true });
  client.on("error", () => undefined);
  return { client, inside: await arrived.promise };
}

describe("a loopback port that leads to a socket", () => {
  test.each(["from the client", "from the socket"])(
    "stops a sender whose reader does not read, and brings every byte when it reads on, %s",
    async (direction) => {
      const { client, inside } = await ends();
      const [sender, reader] = direction === "from the client" ? [client, inside] : [inside, client];
      reader.pause();
      const flood = new Flood(flood_bytes);
      flood.pour(sender, () => sender.end());
      expect(await flood.standstill()).toBeLessThan(taken_bytes_max);
      const caught = new Catch();
      let isEnded = false;
      reader
        .on("data", (piece: Buffer) => caught.add(piece))
        .on("end", () => {
          isEnded = true;
        });
      reader.resume();
      await waitFor(() => isEnded, { deadline_ms: 20_000, what: "the end" });
      expect([caught.bytes, caught.digest]).toEqual([flood_bytes, flood.digest]);
      // Half of the connection has ended; the other half still carries.
      const answer = new Promise<string>((resolve) =>
        sender.once("data", (piece: Buffer) => resolve(piece.toString())),
      );
      sender.resume();
      reader.end("answer");
      expect(await answer).toBe("answer");
    },
    30_000,
  );

  test("ends connections while nobody serves it, and works when somebody does again", async () => {
    forward = await forwardSocket(path, 0);
    const port = forward.port;
    const isClosed = () =>
      new Promise<boolean>((resolve) => {
        const socket = connect(port, "127.0.0.1");
        socket
          .on("error", () => undefined)
          .on("close", () => resolve(true))
          .resume();
      });
    expect(await isClosed()).toBe(true);
    server = createServer((socket) => socket.end("here"));
    await new Promise<void>((resolve) => server?.listen(path, () => resolve()));
    const said = await new Promise<string>((resolve) => {
      connect(port, "127.0.0.1").once("data", (piece: Buffer) => resolve(piece.toString()));
    });
    expect(said).toBe("here");
  });

  test("is on no other address of the machine", async () => {
    forward = await forwardSocket(path, 0);
    const others = Object.values(networkInterfaces()).flatMap((list) =>
      (list ?? []).filter(({ internal }) => !internal),
    );
    for (const { address, family } of others.filter((one) => one.family === "IPv4")) {
      const refused = await new Promise<string | undefined>((resolve) => {
        const socket = connect({ port: forward.port, host: address, family: family === "IPv4" ? 4 : 6 });
        socket
          .on("connect", () => resolve("connected"))
          .on("error", (error: NodeJS.ErrnoException) => resolve(error.code));
      });
      expect(refused).toBe("ECONNREFUSED");
    }
  });
});
