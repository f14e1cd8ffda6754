import { afterAll, beforeAll, expect, test } from "bun:test";
import { linesOf } from "../../../roles/broker/logs/job-log.ts";
import { logChange } from "../../../roles/broker/logs/log-follows.ts";
import { type BrokerWorld, startBrokerWorld, succeeded } from "../../support/worlds/broker-world.ts";

let world: BrokerWorld;
beforeAll(async () => {
  world = await startBrokerWorld();
}, 60_000);
afterAll(() => world[Symbol.asyncDispose]());

const record = (stream: "stdout" | "stderr", text: string) => ({
  stream,
  time: "2026-01-01T00:00:00.000000000Z",
  data: Buffer.from(text).toString("base64"),
});
async function newJob(): Promise<string> {
  const body = JSON.stringify({ image: "acme/runner:1", command: ["run"] });
  return ((await (await world.ask("/v1/jobs", { method: "POST", body })).json()) as { id: string }).id;
}
async function say(id: string, stream: "stdout" | "stderr", text: string): Promise<void> {
  await world.logs.append(id, linesOf([record(stream, text)]));
  world.changes.changed(logChange(id));
}
const read = async (id: string, query = "", accept = "text/plain") =>
  await (await world.ask(`/v1/jobs/${id}/logs${query}`, { headers: { accept } })).text();
const parsed = (text: string) =>
  text.split("\n").flatMap((line) => (line ? [JSON.parse(line) as { data: string; next: number }] : []));

test("a log resumes at each line's `next`, while the job runs and once the log is stored", async () => {
  const id = await newJob();
  for (const text of ["one", "two", "three"]) await say(id, "stdout", text);
  const lines = parsed(await read(id, "", "application/x-ndjson"));
  expect(lines.map(({ data }) => Buffer.from(data, "base64").toString())).toEqual(["one", "two", "three"]);
  await say(id, "stderr", "four");
  const after = await read(id, `?since=${lines[1]?.next}`, "application/x-ndjson");
  expect(parsed(after).map(({ data }) => Buffer.from(data, "base64").toString())).toEqual(["three", "four"]);
  await world.end(id, { outcome: succeeded, stdout: "five" });
  expect((await read(id, `?since=${lines[1]?.next}`, "application/x-ndjson")).startsWith(after)).toBe(true);
  // A byte within a line goes on with the next one.
  expect(parsed(await read(id, "?since=1", "application/x-ndjson"))).toHaveLength(5);
  expect(await read(id, "?stream=stdout&since=3")).toBe("twothreefive");
});

test("a follower gets new lines until the job ends", async () => {
  const id = await newJob();
  await say(id, "stdout", "one ");
  const response = await world.ask(`/v1/jobs/${id}/logs?follow=true`);
  const reader = response.body?.getReader();
  const next = async () => Buffer.from((await reader?.read())?.value ?? []).toString();
  expect(await next()).toBe("one ");
  await say(id, "stderr", "two ");
  expect(await next()).toBe("two ");
  await world.end(id, { outcome: succeeded, stdout: "three" });
  expect(await next()).toBe("three");
  expect((await reader?.read())?.done).toBe(true);
});

test("a half line that a killed broker wrote is cut off before the log continues", async () => {
  const id = await newJob();
  await say(id, "stdout", "one");
  await world.logs.append(id, '{"stream":"stdout","ti');
  expect(await read(id)).toBe("one");
  await world.logs.load(id);
  await say(id, "stdout", "two");
  expect(await read(id)).toBe("onetwo");
});

test("wrong parameters of a log are refused", async () => {
  const id = await newJob();
  for (const [query, code] of [
    ["?stream=both", "invalid_stream"],
    ["?since=-1", "invalid_since"],
    ["?follow=maybe", "invalid_follow"],
  ] as const) {
    const response = await world.ask(`/v1/jobs/${id}/logs${query}`);
    expect([response.status, ((await response.json()) as { code: string }).code]).toEqual([400, code]);
  }
});
