import { createServer } from "node:net";
import type { Engine } from "#shared/engine/engine.ts";
import { label } from "#shared/swarm/labels.ts";
import type { Installation } from "./installation.ts";

const purposes = {
  proxy: { what: "the public door", option: "--proxy-port", host: "0.0.0.0" },
  admin: { what: "the admin API", option: "--admin-port", host: "127.0.0.1" },
  ops: { what: "the operator's routes", option: "--ops-port", host: "127.0.0.1" },
  chain: { what: "the development chain", option: "--chain-port", host: "127.0.0.1" },
} as const;

/**
 * Returns sentences about ports that two listeners would share or another program holds. Ports that our own roles hold
 * are fine.
 */
export async function tryPorts(engine: Engine, { ports, chain }: Installation): Promise<string[]> {
  const wanted = (Object.keys(purposes) as (keyof typeof purposes)[]).filter(
    (key) => key !== "chain" || chain.kind === "development",
  );
  const findings: string[] = [];
  for (const [index, key] of wanted.entries()) {
    const { what, option, host } = purposes[key];
    const other = wanted.slice(0, index).find((earlier) => ports[earlier] === ports[key]);
    if (other)
      findings.push(
        `port ${ports[key]}: ${purposes[other].what} and ${what} cannot share it. Choose another ${option}.`,
      );
    else if (!(await canListen(host, ports[key]))) {
      const holder = await strangerAt(engine, ports[key]);
      if (holder)
        findings.push(`port ${ports[key]} for ${what} is taken by ${holder}. End that, or choose another ${option}.`);
    }
  }
  return findings;
}

async function canListen(host: string, port: number): Promise<boolean> {
  const server = createServer();
  const listening = Promise.withResolvers<boolean>();
  server.once("listening", () => listening.resolve(true));
  server.once("error", (error: NodeJS.ErrnoException) =>
    error.code === "EADDRINUSE" ? listening.resolve(false) : listening.reject(error),
  );
  server.listen(port, host);
  const isFree = await listening.promise;
  if (isFree) await new Promise((resolve) => server.close(resolve));
  return isFree;
}

/** Describes the program that holds the port. Null: it is one of ours. */
async function strangerAt(engine: Engine, port: number): Promise<string | null> {
  const publisher = (await engine.containers({})).find(({ Ports = [] }) =>
    Ports.some(({ PublicPort }) => PublicPort === port),
  );
  if (publisher)
    return publisher.Labels[label.managed] === "true" || isRole(publisher.Labels)
      ? null
      : `the container ${publisher.Names[0]?.slice(1) ?? publisher.Id}`;
  const { stdout } = Bun.spawnSync(["ss", "-Hltnp", `sport = :${port}`]);
  const [, name, pid] = /users:\(\("([^"]+)",pid=(\d+)/.exec(stdout.toString()) ?? [];
  if (name === undefined) return "another program";
  // The kernel keeps only the first 15 characters of a program's name.
  return "platform-supervisor".startsWith(name) && name.length >= 15 ? null : `${name} (process ${pid})`;
}

/** Whether a container belongs to one of our roles: its label names its service. */
function isRole(labels: Readonly<Record<string, string>>): boolean {
  return /^platform-[a-z]+$/.test(labels[label.service_name] ?? "");
}
