import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { verifyAudit } from "#shared/database/tables/audit.ts";
import { type AdminTestWorld, createAdminWorld } from "../../support/worlds/admin-world.ts";
import { startPostgres, type TestPostgres } from "../../support/worlds/postgres.ts";

let server: TestPostgres;
let world: AdminTestWorld;
beforeAll(async () => {
  server = await startPostgres();
  world = await createAdminWorld(server);
});
afterAll(async () => {
  await world[Symbol.asyncDispose]();
  await server.stop();
});

const challenge = (slug: string) => ({ slug, name: slug, image: "registry/x:1" });

describe("who may do what", () => {
  test.each([
    ["none", null],
    ["an unknown one", `pat_${"A".repeat(43)}`],
    ["one without our prefix", "A".repeat(43)],
    ["an endless one", `pat_${"A".repeat(4_000)}`],
  ])("with %s for a token every admin route is 401", async (_, token) => {
    for (const [method, path] of [
      ["GET", "/v1/admin/status"],
      ["POST", "/v1/admin/challenges"],
      ["GET", "/v1/admin/nothing"],
      ["DELETE", "/v1/admin/tokens/root"],
    ] as const) {
      const answer = await world.call(method, path, { token });
      expect([answer.status, answer.json.code]).toEqual([401, "unauthorized"]);
      expect(answer.headers.get("www-authenticate")).toStartWith("Bearer");
    }
  });

  test("no spelling of the path leads past the check", async () => {
    for (const path of [
      "/v1/admin//status",
      "/v1/./admin/status",
      "/V1/admin/status",
      "/v1/%61dmin/status",
      "/x/../v1/admin/status",
    ]) {
      expect([401, 404]).toContain((await world.call("GET", path, { token: null })).status);
    }
    const forged = await world.call("GET", "/a/v1/admin/status", { token: null, headers: { host: "a" } });
    expect(forged.status).toBe(404);
  });

  test("an expired and a revoked token are nothing any more", async () => {
    const expired = await world.mint("expired", "admin", new Date(Date.now() - 1_000));
    expect((await world.call("GET", "/v1/admin/status", { token: expired })).status).toBe(401);
    const { json } = await world.call("POST", "/v1/admin/tokens", { body: { name: "short", scope: "read" } });
    expect((await world.call("GET", "/v1/admin/status", { token: json.token })).status).toBe(200);
    expect((await world.call("DELETE", "/v1/admin/tokens/short")).status).toBe(200);
    expect((await world.call("GET", "/v1/admin/status", { token: json.token })).status).toBe(401);
    expect((await world.call("DELETE", "/v1/admin/tokens/short")).json.code).toBe("token_not_found");
  });

  test.each([
    ["read", "GET", "/v1/admin/challenges", undefined, 200],
    ["read", "POST", "/v1/admin/challenges", challenge("by-reader"), 403],
    ["read", "POST", "/v1/admin/tokens", { name: "x1", scope: "read" }, 403],
    ["operate", "POST", "/v1/admin/challenges", challenge("by-operator"), 201],
    ["operate", "POST", "/v1/admin/challenges/by-operator/activate", undefined, 200],
    ["operate", "DELETE", "/v1/admin/challenges/by-operator", undefined, 403],
    ["operate", "POST", "/v1/admin/tokens", { name: "x2", scope: "admin" }, 403],
    ["operate", "DELETE", "/v1/admin/tokens/root", undefined, 403],
    ["admin", "POST", "/v1/admin/tokens", { name: "x3", scope: "admin" }, 201],
  ] as const)("scope %s: %s %s", async (scope, method, path, body, status) => {
    const token = await world.mint(`s-${crypto.randomUUID()}`, scope);
    const answer = await world.call(method, path, { token, ...(body ? { body } : {}) });
    expect(answer.status).toBe(status);
    if (status === 403) expect(answer.json.code).toBe("insufficient_scope");
  });

  test("a refusal comes before the body is looked at", async () => {
    expect((await world.call("POST", "/v1/admin/challenges", { token: null, body: "{" })).status).toBe(401);
  });
});

describe("tokens", () => {
  test("are kept as hashes, shown once, and listed without their text", async () => {
    const minted = await world.call("POST", "/v1/admin/tokens", { body: { name: "shown", scope: "read" } });
    expect(minted.headers.get("cache-control")).toBe("no-store");
    const { token } = minted.json;
    const listed = await world.call("GET", "/v1/admin/tokens?limit=200");
    const audit = await world.call("GET", "/v1/admin/audit?limit=200");
    for (const { text } of [listed, audit]) {
      expect(text).toContain("shown");
      expect(text).not.toContain(token);
    }
    const rows = await world.sql`select row_to_json(t)::text as row from admin_tokens t`;
    expect(rows.some((row) => (row["row"] as string).includes(token.slice(4)))).toBe(false);
  });

  test("a name in force is taken; after its end it may be minted anew", async () => {
    const body = { name: "taken", scope: "read" };
    expect((await world.call("POST", "/v1/admin/tokens", { body })).status).toBe(201);
    expect((await world.call("POST", "/v1/admin/tokens", { body })).json.code).toBe("token_exists");
    await world.call("DELETE", "/v1/admin/tokens/taken");
    expect((await world.call("POST", "/v1/admin/tokens", { body })).status).toBe(201);
  });

  test.each([
    ["an unknown scope", { name: "bad", scope: "root" }],
    ["no scope", { name: "bad" }],
    ["a name with a space", { name: "b d", scope: "read" }],
    ["a lifetime of a second", { name: "bad", scope: "read", expires_in_seconds: 1 }],
    ["a lifetime of ten years", { name: "bad", scope: "read", expires_in_seconds: 315_360_000 }],
    ["an unknown member", { name: "bad", scope: "read", token: "mine" }],
  ])("%s mints nothing", async (_, body) => {
    expect((await world.call("POST", "/v1/admin/tokens", { body })).json.code).toBe("invalid_request");
    expect((await world.sql`select 1 from admin_tokens where name = 'bad'`).length).toBe(0);
  });
});

describe("the audit log", () => {
  test("tells who did what with what before and after", async () => {
    const token = await world.mint("alice", "operate");
    const headers = { "x-request-id": "req-42" };
    await world.call("POST", "/v1/admin/challenges", { token, headers, body: challenge("audited") });
    await world.call("PATCH", "/v1/admin/challenges/audited", { token, body: { description: "new" } });
    const { json } = await world.call("GET", "/v1/admin/audit?limit=2");
    expect(json.items[0]).toMatchObject({
      actor: "alice",
      action: "challenge.change",
      subject: "audited",
      before: { description: "" },
      after: { description: "new" },
    });
    expect(json.items[1]).toMatchObject({ action: "challenge.create", before: null, request_id: "req-42" });
    expect(json.items[0].previous).toBe(json.items[1].hash);
  });

  test("holds under concurrent writers", async () => {
    await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        world.call("POST", "/v1/admin/challenges", { body: challenge(`many-${i}`) }),
      ),
    );
    const { json } = await world.call("GET", "/v1/admin/audit/verify");
    expect(json.ok).toBe(true);
    expect(json.checked).toBeGreaterThanOrEqual(20);
  });

  test.each([
    ["a changed record", "update audit_log set actor = 'mallory' where id = 2", 2],
    ["a removed record", "delete from audit_log where id = 2", 3],
    ["a forged predecessor", "update audit_log set previous = '\\x00' where id = 2", 2],
    ["a forged hash", "update audit_log set hash = '\\x00' where id = 2", 2],
  ])("shows %s, even by who can switch the trigger off", async (_, sql, broken_at) => {
    await using other = await createAdminWorld(server);
    for (const slug of ["a", "b", "c"]) await other.call("POST", "/v1/admin/challenges", { body: challenge(slug) });
    expect(await verifyAudit(other.sql)).toMatchObject({ ok: true, checked: 3 });
    await other.sql.unsafe(`alter table audit_log disable trigger all; ${sql}`);
    expect(await verifyAudit(other.sql)).toMatchObject({ ok: false, broken_at });
  });

  test("an act that fails leaves no entry, and an entry that fails leaves no act", async () => {
    await using other = await createAdminWorld(server);
    await other.sql.unsafe("alter table audit_log add constraint full_disk check (action <> 'challenge.create')");
    const answer = await other.call("POST", "/v1/admin/challenges", { body: challenge("unseen") });
    expect([answer.status, answer.json.detail]).toEqual([500, "An internal error occurred."]);
    expect((await other.sql`select 1 from challenges`).length).toBe(0);
  });
});
