/**
 * The least work that accepting a job takes, for the broker's bench: `DATABASE_URL FOLDER`. It reads and parses the body,
 * writes the decoded archive durably to a file, inserts one row, and answers. Prints its port.
 */
import { randomUUID } from "node:crypto";
import { open, rename } from "node:fs/promises";
import { join } from "node:path";
import { connectDatabase } from "#shared/database/database.ts";

interface Body {
  readonly mounts: readonly { readonly archive_b64: string }[];
}

const [databaseUrl = "", folder = ""] = process.argv.slice(2);
const sql = connectDatabase(databaseUrl, "broker-bench-bare");
await sql`create table bare_jobs (id uuid primary key, spec jsonb not null, accepted_at timestamptz not null)`;

async function keep(id: string, archive: Buffer): Promise<void> {
  const temporary = join(folder, `${id}.incoming`);
  const file = await open(temporary, "wx");
  await file.write(archive);
  await file.sync();
  await file.close();
  await rename(temporary, join(folder, id));
}

const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  async fetch(request) {
    const { mounts, ...spec } = (await request.json()) as Body;
    const id = randomUUID();
    for (const { archive_b64 } of mounts) await keep(id, Buffer.from(archive_b64, "base64"));
    await sql`insert into bare_jobs values (${id}, ${sql.json(spec)}, ${new Date()})`;
    return Response.json({ id }, { status: 202 });
  },
});
process.stdout.write(`${server.port}\n`);
