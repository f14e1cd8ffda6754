import { readFileSync } from "node:fs";
import { join } from "node:path";
import { waitFor } from "../../support/wait-for.ts";
import { startPostgres } from "../../support/worlds/postgres.ts";

const nobody = 65_534;

export interface DurablePostgres extends AsyncDisposable {
  /** The URL of a new, empty database. */
  createDatabase(): Promise<string>;
}

/**
 * The tests' Postgres with fsync on, so that accepting a job costs a write to the disk, as in production. The tests' own
 * server has fsync off. It makes the data folder and is then replaced by a server on the same folder.
 */
export async function startDurablePostgres(): Promise<DurablePostgres> {
  const base = await startPostgres();
  const folder = new URL(await base.createDatabase()).searchParams.get("host") ?? "";
  const data = join(folder, "data");
  // postmaster.opts holds the command line of the last start.
  const [program = ""] = readFileSync(join(data, "postmaster.opts"), "utf8").split(" ");
  await base.halt();
  const user = process.getuid?.() === 0 ? ["setpriv", `--reuid=${nobody}`, `--regid=${nobody}`, "--clear-groups"] : [];
  const log = join(folder, "durable.log");
  const server = Bun.spawn(
    [...user, program, "-D", data, "-k", folder, "-c", "listen_addresses=", "-c", "shared_buffers=64MB"],
    { env: { PATH: process.env["PATH"] ?? "", LC_ALL: "C" }, stdout: "ignore", stderr: Bun.file(log) },
  );
  const stop = async () => {
    server.kill("SIGINT");
    await server.exited;
    await base.stop();
  };
  try {
    await waitFor(() => base.createDatabase(), { deadline_ms: 30_000, every_ms: 100, what: "start of Postgres" });
  } catch (cause) {
    const text = readFileSync(log, "utf8");
    await stop();
    throw new Error(`Postgres did not start: ${text}`, { cause });
  }
  return { createDatabase: () => base.createDatabase(), [Symbol.asyncDispose]: stop };
}
