import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connectDatabase } from "#shared/database/database.ts";
import { migrate } from "#shared/database/migrate.ts";
import { storeMetagraph } from "#shared/database/tables/metagraph.ts";
import { promptCollection } from "../../../roles/platform/install/role-services-spec.ts";
import { projectRoot } from "../runner/suite-list.ts";
import { waitFor } from "../wait-for.ts";
import { createMemoryCgroup, type MemoryCgroup } from "./memory-cgroup.ts";
import { startPostgres } from "./postgres.ts";
import { challengeOf } from "./proxy-world.ts";

/** The memory limit that the installer gives the proxy's container. */
export const container_bytes = 512 * 2 ** 20;

/** The proxy's executable under its container's memory limit, with a real database. It ends with the test. */
export interface ProxyContainer extends AsyncDisposable {
  readonly port: number;
  readonly memory: MemoryCgroup;
  /** Null while it runs. */
  exitCode(): number | null;
  /** Its output so far. */
  output(): string;
}

export interface ContainerOptions {
  /** Where `challenge-demo` listens on 127.0.0.1. */
  readonly challenge_port: number;
  /** Hotkeys that may upload. */
  readonly hotkeys: readonly string[];
  readonly settings?: Readonly<Record<string, string>>;
}

/** Starts it with its own hosts file, in which the challenge's name is this machine. Needs root. */
export async function startProxyContainer(options: ContainerOptions): Promise<ProxyContainer> {
  await using undo = new AsyncDisposableStack();
  const postgres = undo.use(await startPostgres());
  const database_url = await postgres.createDatabase();
  await fill(database_url, options);
  const directory = undo.adopt(mkdtempSync(join(tmpdir(), "platform-proxy-")), (path) =>
    rmSync(path, { recursive: true, force: true }),
  );
  const admin = startAdmin(directory);
  undo.defer(() => admin.stop(true));
  const hosts = join(directory, "hosts");
  writeFileSync(hosts, `${readFileSync("/etc/hosts", "utf8")}\n127.0.0.1 challenge-demo\n`);
  const memory = undo.use(createMemoryCgroup(`platform-test-proxy-${process.pid}`, container_bytes));
  const script = `echo $$ > ${memory.procsFile} && mount --bind ${hosts} /etc/hosts && exec dist/platform-proxy`;
  const child = Bun.spawn(["unshare", "--mount", "sh", "-c", script], {
    cwd: projectRoot,
    env: environment(directory, database_url, options.settings),
    stdout: "pipe",
    stderr: "pipe",
  });
  let output = "";
  const collect = async (stream: ReadableStream<Uint8Array<ArrayBuffer>>) => {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) output += text;
  };
  const collected = Promise.all([collect(child.stdout), collect(child.stderr)]);
  undo.defer(async () => {
    child.kill("SIGKILL");
    await child.exited;
    await collected;
  });
  const portOf = () => {
    if (child.exitCode !== null) throw new Error(`the proxy ended: ${output}`);
    return /"port":(\d+)/.exec(output)?.[1];
  };
  const port = Number(await waitFor(portOf, { deadline_ms: 30_000, what: "the proxy's port" }));
  const running = undo.move();
  return {
    port,
    memory,
    exitCode: () => child.exitCode,
    output: () => output,
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

async function fill(database_url: string, { challenge_port, hotkeys }: ContainerOptions): Promise<void> {
  const sql = connectDatabase(database_url, "test");
  await migrate(sql);
  const { spec } = challengeOf({ internal_port: challenge_port });
  await sql`insert into challenges (slug, spec, status) values ('demo', ${sql.json(spec as never)}, 'active')`;
  const neurons = hotkeys.map((hotkey, index) => ({ uid: index + 1, hotkey }));
  await sql.begin((tx) => storeMetagraph(tx, 7, { block: 1, neurons }, new Date()));
  await sql.end({ timeout: 1 });
}

/** Admin's public reads. */
function startAdmin(directory: string): Bun.Server<undefined> {
  mkdirSync(join(directory, "public"));
  return Bun.serve({
    unix: join(directory, "public/public.sock"),
    fetch: () => Response.json({ network: "platform" }),
  });
}

function environment(directory: string, database_url: string, settings: Readonly<Record<string, string>> = {}) {
  return {
    PATH: process.env["PATH"] ?? "",
    NODE_ENV: "production",
    BUN_CONFIG_DNS_TIME_TO_LIVE_SECONDS: "0",
    ...Object.fromEntries(
      Object.entries(promptCollection(container_bytes)).map(([name, value]) => [name, String(value)]),
    ),
    PLATFORM_RUN_DIRECTORY: directory,
    PLATFORM_DATABASE_URL: database_url,
    PLATFORM_MASTER_KEY: "k".repeat(32),
    PLATFORM_NETUID: "7",
    PLATFORM_LISTEN_HOST: "127.0.0.1",
    PLATFORM_LISTEN_PORT: "0",
    ...settings,
  };
}
