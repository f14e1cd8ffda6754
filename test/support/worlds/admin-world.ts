import { connectDatabase, type Database } from "#shared/database/database.ts";
import { migrate } from "#shared/database/migrate.ts";
import { mintAdminToken } from "#shared/database/tables/admin-tokens.ts";
import { guarded } from "#shared/http/app.ts";
import { createLogger } from "#shared/observability/logger.ts";
import type { AdminScope } from "#shared/schemas/admin.ts";
import { type Clock, systemClock } from "#shared/time/clock.ts";
import { createAdminApp, createPublicApp } from "../../../roles/admin/app.ts";
import type { TestPostgres } from "./postgres.ts";

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: each test knows the shape of its answer
  readonly json: any;
}

interface CallOptions {
  readonly body?: unknown;
  readonly token?: string | null;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface AdminTestWorld extends AsyncDisposable {
  readonly sql: Database;
  readonly url: string;
  /** The app of admin.sock. */
  readonly admin: ReturnType<typeof createAdminApp>;
  /** A request to admin.sock's app, by default with an admin token. A text body is sent unchanged. */
  call(method: string, path: string, options?: CallOptions): Promise<Answer>;
  /** A request to public.sock's app. */
  read(path: string, headers?: Readonly<Record<string, string>>, method?: string): Promise<Answer>;
  mint(name: string, scope: AdminScope, expires_at?: Date): Promise<string>;
}

/** The admin apps over a database of their own. */
export async function createAdminWorld(server: TestPostgres, clock: Clock = systemClock): Promise<AdminTestWorld> {
  const url = await server.createDatabase();
  const sql = connectDatabase(url, "test");
  await migrate(sql);
  const log = createLogger("admin", "fatal");
  const world = { sql, log, clock, netuid: 7, vectorPublicKey: "ab".repeat(32), masterKey: "k".repeat(32), pages: [] };
  const app = createAdminApp(world);
  const admin = guarded(app, log);
  const everyone = guarded(createPublicApp(world), log);
  const mint = async (name: string, scope: AdminScope, expires_at = new Date(Date.now() + 600_000)) =>
    (await mintAdminToken(sql, { name, scope, expires_at })) ?? "";
  const root = await mint("root", "admin");
  return {
    sql,
    url,
    admin: app,
    mint,
    async call(method, path, { body, token = root, headers = {} } = {}) {
      const request = new Request(`http://127.0.0.1:8081${path}`, {
        method,
        headers: {
          ...(token === null ? {} : { authorization: `Bearer ${token}` }),
          ...(body === undefined ? {} : { "content-type": "application/json" }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
      });
      return await answerOf(await admin(request));
    },
    async read(path, headers = {}, method = "GET") {
      return await answerOf(await everyone(new Request(`http://p${path}`, { method, headers })));
    },
    [Symbol.asyncDispose]: () => sql.end(),
  };
}

async function answerOf(response: Response): Promise<Answer> {
  const text = await response.text();
  const isJson = /json/.test(response.headers.get("content-type") ?? "");
  return { status: response.status, headers: response.headers, text, json: isJson ? JSON.parse(text) : null };
}
