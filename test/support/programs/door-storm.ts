/**
 * A bounded storm of hostile clients on a proxy: `door-storm.ts PORT SECONDS [KIND…]`, by default all kinds, each from its own
 * address. It needs the challenge `demo` of netuid 7, whose `/slow` never answers and whose `/big` never ends, and uploads as
 * //Alice. Prints one line of JSON: the results of valid uploads, and how many connections each kind opened.
 */
import { connect, type Socket } from "node:net";
import { ask, headOf } from "../clients/door-clients.ts";
import { uploadRequest } from "../clients/upload-client.ts";

const [portText = "", secondsText = "", ...asked] = process.argv.slice(2);
const port = Number(portText);
const storm = AbortSignal.timeout(Number(secondsText) * 1_000);
const body = Buffer.alloc(7_400_000, "x");
const route = "/v1/challenges/demo/submissions";

function signedHead(): string {
  return headOf(
    "POST",
    route,
    Object.fromEntries([
      ...(uploadRequest({ body }).headers as [string, string][]),
      ["Content-Length", String(body.length)],
      ["Connection", "close"],
    ]),
  );
}

/** Keeps `count` connections open until the storm is over, replacing those that end. @returns how many were opened */
async function keepOpen(
  { address, count }: { readonly address: string; readonly count: number },
  onConnect: (socket: Socket, index: number) => void,
): Promise<number> {
  let opened = 0;
  const one = async (index: number) => {
    while (!storm.aborted) {
      opened += 1;
      const socket = connect({ port, host: "127.0.0.1", localAddress: address });
      const end = () => socket.destroy();
      storm.addEventListener("abort", end, { once: true });
      await new Promise<void>((resolve) => {
        socket.on("error", () => undefined).on("close", () => resolve());
        socket.on("connect", () => onConnect(socket, index));
      });
      storm.removeEventListener("abort", end);
      await Bun.sleep(100);
    }
  };
  await Promise.all(Array.from({ length: count }, (_, index) => one(index)));
  return opened;
}

const kinds: Readonly<Record<string, () => Promise<unknown>>> = {
  /** 50,000 requests in one write, with no answer read. */
  async pipelining() {
    const requests = Buffer.from("GET /v1/registry HTTP/1.1\r\nHost: a\r\n\r\n".repeat(50_000));
    return await keepOpen({ address: "127.0.0.2", count: 8 }, (socket, index) => {
      if (index % 2) socket.resume();
      socket.write(requests);
    });
  },
  /** Uploads that lack their last byte. Every third has no headers, every third those of a miner. */
  async unfinished() {
    const heads = [
      signedHead(),
      headOf("POST", route, { "Content-Length": body.length }),
      headOf("POST", "/challenges/demo/x", { "Content-Length": body.length }),
    ];
    return await keepOpen({ address: "127.0.0.3", count: 90 }, (socket, index) => {
      socket.resume().write(heads[index % heads.length] ?? "");
      socket.write(body.subarray(1));
    });
  },
  /** 40 valid uploads at once, again and again. */
  async uploads() {
    const tally: Record<string, number> = {};
    while (!storm.aborted) {
      const heads = Array.from({ length: 40 }, signedHead);
      const answers = await Promise.all(heads.map((head) => ask(port, [head, body], { address: "127.0.0.4" })));
      for (const { status, code } of answers) {
        const outcome = status === null ? "reset" : `${status} ${code ?? ""}`.trim();
        tally[outcome] = (tally[outcome] ?? 0) + 1;
      }
    }
    return tally;
  },
  /** Readers that never read an endless answer. */
  async unread() {
    return await keepOpen({ address: "127.0.0.5", count: 60 }, (socket) => {
      socket.pause();
      socket.write(headOf("GET", "/challenges/demo/big"));
    });
  },
  /** The same, after an upgrade that the challenge answers with an ordinary body. */
  async upgrades() {
    const upgrade = { Connection: "Upgrade", Upgrade: "websocket", "Sec-WebSocket-Key": "k" };
    return await keepOpen({ address: "127.0.0.6", count: 20 }, (socket) => {
      socket.pause();
      socket.write(headOf("GET", "/challenges/demo/big", upgrade));
    });
  },
  /** 700 requests to a challenge that does not answer. */
  async waiting() {
    return await keepOpen({ address: "127.0.0.7", count: 700 }, (socket) => {
      socket.resume().write(headOf("GET", "/challenges/demo/slow"));
    });
  },
  /** Heads that never end. */
  async heads() {
    return await keepOpen({ address: "127.0.0.8", count: 1_000 }, (socket) => {
      socket.resume().write(`GET / HTTP/1.1\r\nX: ${"a".repeat(30_000)}`);
    });
  },
};

const entries = Object.entries(kinds).filter(([kind]) => asked.length === 0 || asked.includes(kind));
const outcomes = await Promise.all(entries.map(async ([kind, run]) => [kind, await run()] as const));
process.stdout.write(`${JSON.stringify(Object.fromEntries(outcomes))}\n`);
process.exit(0);
