import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Server, serve } from "#shared/http/serve.ts";
import { createLogger } from "#shared/observability/logger.ts";
import { forwardAdmin, forwardOps } from "../../../roles/supervisor/host/loopback.ts";

let directory: string;
const servers: Server[] = [];
let admin: string;
let ops: string;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "platform-loopback-"));
  servers.push(serve(echo, { unix: join(directory, "admin/admin.sock") }));
  servers.push(
    serve(async (request) => new Response(`ops of admin: ${new URL(request.url).pathname}`), opsOf("admin")),
  );
  // A role that died, and what is no role at all.
  mkdirSync(join(directory, "broker"));
  writeFileSync(join(directory, "broker/ops.sock"), "");
  mkdirSync(join(directory, "postgres"));
  writeFileSync(join(directory, "supervisor.pid"), "1");
  const forwards = [forwardAdmin(directory, 0), forwardOps(directory, 0, createLogger("test", "silent"))] as const;
  servers.push(...forwards);
  [admin, ops] = [forwards[0].url, forwards[1].url];
});

afterAll(async () => {
  await Promise.all(servers.map((server) => server.stop(0)));
  rmSync(directory, { recursive: true, force: true });
});

const opsOf = (role: string) => ({ unix: join(directory, role, "ops.sock") });

async function echo(request: Request): Promise<Response> {
  const { pathname, search } = new URL(request.url);
  if (pathname === "/moved") return Response.redirect("/elsewhere", 302);
  const { method, headers } = request;
  return Response.json(
    { method, path: pathname + search, headers: Object.fromEntries(headers), body: await request.text() },
    { status: 201, headers: { "x-answer": "yes" } },
  );
}

describe("the admin port", () => {
  test("hands request and answer on as they are", async () => {
    const response = await fetch(`${admin}/v1/admin/challenges?cursor=a%2Fb`, {
      method: "PUT",
      headers: { authorization: "Bearer pat_x", "content-type": "application/json" },
      body: '{"a":1}',
    });
    expect(response.status).toBe(201);
    expect(response.headers.get("x-answer")).toBe("yes");
    expect(await response.json()).toMatchObject({
      method: "PUT",
      path: "/v1/admin/challenges?cursor=a%2Fb",
      headers: { authorization: "Bearer pat_x", "content-type": "application/json", host: new URL(admin).host },
      body: '{"a":1}',
    });
  });

  test("gives every request an id, and keeps the caller's", async () => {
    const idOf = async (headers: Record<string, string>) =>
      ((await (await fetch(admin, { headers })).json()) as { headers: Record<string, string> }).headers["x-request-id"];
    expect(await idOf({ "x-request-id": "abc-1" })).toBe("abc-1");
    expect(await idOf({})).toMatch(/\S{8,}/);
  });

  test("keeps what is said of the connection alone to itself", async () => {
    const headers = { te: "trailers", "proxy-connection": "keep-alive", "proxy-authorization": "Basic eDp4" };
    const seen = ((await (await fetch(admin, { headers })).json()) as { headers: Record<string, string> }).headers;
    for (const name of Object.keys(headers)) expect(seen).not.toHaveProperty(name);
  });

  test("does not follow redirects", async () => {
    const response = await fetch(`${admin}/moved`, { redirect: "manual" });
    expect(response.status).toBe(302);
    expect(response.headers.get("location")).toBe("/elsewhere");
  });

  test("answers 503 and when to ask again while admin is away", async () => {
    const empty = mkdtempSync(join(tmpdir(), "platform-loopback-"));
    const server = forwardAdmin(empty, 0);
    const response = await fetch(`${server.url}/v1/admin/status`);
    await server.stop(0);
    rmSync(empty, { recursive: true });
    expect(response.status).toBe(503);
    expect(response.headers.get("retry-after")).toBe("1");
    expect(await response.json()).toMatchObject({ code: "role_unavailable" });
  });

  test("listens on loopback alone", () => {
    expect(new URL(admin).hostname).toBe("127.0.0.1");
    expect(new URL(ops).hostname).toBe("127.0.0.1");
  });
});

describe("the ops port", () => {
  test("lists the roles that have a socket, and leads to each", async () => {
    expect(await (await fetch(ops)).json()).toEqual({ roles: ["admin", "broker"] });
    expect(await (await fetch(`${ops}/admin/readyz`)).text()).toBe("ops of admin: /readyz");
  });

  test("says what is not there as a problem document with a request id", async () => {
    for (const path of ["/nobody/readyz", "/nothing"]) {
      const response = await fetch(ops + path, { headers: { "x-request-id": "ask-1" } });
      expect(response.headers.get("content-type")).toBe("application/problem+json");
      expect(await response.json()).toMatchObject({ status: 404, code: "not_found", instance: "ask-1" });
    }
  });

  test("answers 503 for a role that does not answer, and 404 for what is none", async () => {
    expect((await fetch(`${ops}/broker/readyz`)).status).toBe(503);
    for (const path of ["/nobody/readyz", "/postgres/readyz", "/supervisor.pid/readyz"])
      expect((await fetch(ops + path)).status).toBe(404);
    expect((await fetch(`${ops}/admin/readyz`, { method: "POST" })).status).toBe(404);
  });
});
