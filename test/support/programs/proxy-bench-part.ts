/**
 * One process of the proxy's bench: `challenge` (answers at once), `passthrough PORT` (only node:http to http.request) or
 * `proxy PORT` (our door). Prints its port. For `cpu` on its input it prints its CPU seconds so far.
 */
import { Agent, createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { startProxy } from "../worlds/proxy-world.ts";

const [part, target] = process.argv.slice(2);

async function start(): Promise<number> {
  if (part === "proxy") return (await startProxy({ upstream: `http://127.0.0.1:${target}` })).port;
  const agent = new Agent({ keepAlive: true, maxSockets: 256 });
  const body = Buffer.alloc(256, "x");
  const server = createServer((message, response) => {
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
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

process.stdout.write(`${await start()}\n`);
for await (const _ of process.stdin) {
  const { user, system } = process.cpuUsage();
  process.stdout.write(`${(user + system) / 1e6}\n`);
}
process.exit(0);
