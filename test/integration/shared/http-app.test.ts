import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { connect } from "node:net";
import { Type } from "@sinclair/typebox";
import pino from "pino";
import { createHttpApp, guarded } from "#shared/http/app.ts";
import { ProblemError } from "#shared/http/problem.ts";
import { type Server, serve } from "#shared/http/serve.ts";

const lines: string[] = [];
const log = pino({ level: "debug" }, { write: (line: string) => void lines.push(line) });
const app = createHttpApp(log)
  .get("/abc/admin/x", () => "outer")
  .get("/admin/x", () => "inner")
  .get("/teapot", () => {
    throw new ProblemError(418, "teapot", "I am a teapot.", { cause: new Error("brewed wrongly") });
  })
  .get("/crash", () => {
    throw new Error("password=hunter2 at 10.0.0.7");
  })
  .post("/numbers", ({ body }) => body.n, {
    body: Type.Object({ n: Type.Integer() }, { additionalProperties: false }),
  });

let server: Server;
beforeAll(() => {
  server = serve(guarded(app, log), { hostname: "127.0.0.1", port: 0 });
});
afterAll(() => server.stop(0));

/** What the server answers to these bytes, up to the end of the connection. */
function raw(request: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(server.port, "127.0.0.1", () => socket.write(request));
    let answer = "";
    socket.setTimeout(5_000, () => socket.destroy(new Error("no answer")));
    socket.on("data", (piece) => {
      answer += piece.toString();
    });
    socket.on("close", () => resolve(answer));
    socket.on("error", reject);
  });
}

describe("an app of the platform", () => {
  test("routes by the path alone, whatever the Host header says", async () => {
    const answer = await raw("GET /abc/admin/x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    expect(answer).toEndWith("outer");
  });

  test("refuses headers that must be single but came twice", async () => {
    const answer = await raw(
      "GET /admin/x HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer a\r\nAuthorization: Bearer b\r\nConnection: close\r\n\r\n",
    );
    expect(answer).toStartWith("HTTP/1.1 400");
    expect(answer).toContain('"code":"duplicate_header"');
  });

  test("answers a refusal as problem+json with the request id", async () => {
    const response = await fetch(`${server.url}/teapot`, { headers: { "x-request-id": "r-1" } });
    expect(response.headers.get("content-type")).toBe("application/problem+json");
    expect(await response.json()).toEqual({
      type: "about:blank",
      title: "I'm a Teapot",
      status: 418,
      detail: "I am a teapot.",
      code: "teapot",
      instance: "r-1",
    });
  });

  test("tells a client nothing of an unexpected error, and the log everything", async () => {
    const response = await fetch(`${server.url}/crash`, { headers: { "x-request-id": "r-2" } });
    const body = await response.text();
    expect(response.status).toBe(500);
    expect(body).not.toContain("hunter2");
    expect(body).toContain('"instance":"r-2"');
    expect(lines.find((line) => line.includes("hunter2"))).toContain('"request_id":"r-2"');
  });

  test("replaces a request id that does not belong in a log", async () => {
    const response = await fetch(`${server.url}/admin/x`, { headers: { "x-request-id": "a b<script>" } });
    expect(response.headers.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
  });

  test("names the field that is wrong, not the value, and refuses unknown ones", async () => {
    const post = (body: string) =>
      fetch(`${server.url}/numbers`, { method: "POST", body, headers: { "content-type": "application/json" } });
    const wrong = await post('{"n":"s3cret"}');
    expect(wrong.status).toBe(422);
    const text = await wrong.text();
    expect(text).toContain("body field n");
    expect(text).not.toContain("s3cret");
    expect((await post('{"n":1,"m":2}')).status).toBe(422);
    expect((await post("{")).status).toBe(400);
    expect((await fetch(`${server.url}/nowhere`)).status).toBe(404);
  });
});
