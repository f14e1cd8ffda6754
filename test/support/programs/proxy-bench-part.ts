/**
 * One process of the proxy's bench. Prints its port; for `cpu` on its input prints the CPU seconds it has used.
 *
 * - `challenge SOCKET` answers at once, on its port as a challenge and on the Unix socket as admin.
 * - `passthrough PORT` hands each request on, by node:http alone.
 * - `proxy PORT SOCKET` is our door before that challenge and that admin.
 */
import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { startProxy } from "../worlds/proxy-world.ts";

const [part, ...args] = process.argv.slice(2);

async function start(): Promise<number> {
  const [target, publicSocket] = args;
  if (part === "proxy")
    return (await startProxy({ upstream: `http://127.0.0.1:${target}`, publicSocket: publicSocket ?? "" })).port;
  const agent = new Agent({ keepAlive: true, maxSockets: 256 });
  const body = Buffer.alloc(256, "x");
  const answer = (message: IncomingMessage, response: ServerResponse) => {
    if (part === "challenge") {
      message.resume().on("end", () => response.writeHead(200, { "content-length": body.length }).end(body));
      return;
    }
    const { method = "GET", url = "/", headers } = message;
    const upstream = request(
      { host: "127.0.0.1", port: Number(target), method, path: url, headers, agent },
      (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(response);
      },
    );
    upstream.on("error", () => response.destroy());
    message.pipe(upstream);
  };
  const server = createServer(answer);
  if (part === "challenge") createServer(answer).listen(target);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

process.stdout.write(`${await start()}\n`);
for await (const _ of process.stdin) {
  const { user, system } = process.cpuUsage();
  process.stdout.write(`${(user + system) / 1e6}\n`);
}
process.exit(0);
