import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { gzipSync } from "node:zlib";
import { tarOf } from "../../support/builders/archives/tar-builder.ts";
import { zipOf } from "../../support/builders/archives/zip-builder.ts";
import { type BrokerWorld, startBrokerWorld } from "../../support/worlds/broker-world.ts";

let world: BrokerWorld;
beforeAll(async () => {
  world = await startBrokerWorld();
  const archives = { forms: ["zip" as const], links: "copy" as const, macos_files: "drop" as const };
  await world.addChallenge("open", { archives });
}, 60_000);
afterAll(() => world[Symbol.asyncDispose]());

const x = Buffer.from("x");
const linked = tarOf([
  { name: "a", content: x },
  { name: "b", type: "2", link: "a" },
]);
const zip = zipOf([{ name: "a", content: x }]);
const upload = (body: Uint8Array, slug = "demo") =>
  world.ask("/v1/blobs", { method: "PUT", body: new Uint8Array(body), slug });
const job = (route: string, bytes: Uint8Array, slug = "demo") => {
  const mounts = [{ target: "/m", archive_b64: Buffer.from(bytes).toString("base64") }];
  const body = { job_id: "j", image: "acme/runner:1", command: ["run"], mounts };
  return world.ask(route, { method: "POST", body: JSON.stringify(body), slug });
};
const routes: [string, (bytes: Uint8Array) => Promise<Response>][] = [
  ["PUT /v1/blobs", upload],
  ["POST /v1/jobs", (bytes) => job("/v1/jobs", bytes)],
  ["POST /v1/docker/run", (bytes) => job("/v1/docker/run", bytes)],
];

describe.each(routes)("%s", (_, send) => {
  test("says of a refused archive which entry, why, and what to do; its detail is the contract's", async () => {
    const answer = await send(gzipSync(tarOf([{ name: "ok" }, { name: "../x", content: x }])));
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({
      detail: "unsafe mount archive",
      code: "unsafe_mount_archive",
      position: 2,
      entry: '"../x"',
      rule: "name_parent",
      reason: "name with a `..` segment",
      remedy: "Pack from inside the folder, for example with: tar -czf archive.tar.gz -C FOLDER .",
    });
  });

  test("logs a refusal with the challenge, the entry and the rule", async () => {
    const before = world.log_lines.length;
    await send(tarOf([{ name: "a\u202e", type: "1", link: "b" }]));
    const lines = world.log_lines.slice(before).map((line) => JSON.parse(line));
    expect(lines.filter(({ rule }) => rule !== undefined)).toMatchObject([
      { level: 30, challenge: "demo", position: 1, entry: '"a\\u{202e}"', rule: "link", reason: "hard link" },
    ]);
    expect(lines.map(({ msg }) => msg).join()).toContain("an input archive was refused: unsafe archive: entry 1");
  });

  test("knows what was sent instead of an archive", async () => {
    const answer = await send(zip);
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({
      detail: "invalid mount archive",
      reason: "this is a zip",
      remedy: "Send a .tar.gz.",
    });
  });

  test("answers 413 with a body that names bound and value", async () => {
    const answer = await send(
      tarOf([
        { name: `${"a/".repeat(40)}b`, prefix: "c".repeat(155) },
        { name: "n", type: "x", size: 70_000 },
      ]),
    );
    expect(answer.status).toBe(413);
    expect(await answer.json()).toMatchObject({
      code: "limit_mount_archive",
      reason: "extended header of 70000 bytes, at most 65,536",
    });
  });
});

test("a record takes further forms, copies links and drops files of macOS", async () => {
  expect((await upload(linked)).status).toBe(400);
  expect((await upload(zip)).status).toBe(400);
  const [ofLinks, ofZip, expected] = await Promise.all([
    upload(linked, "open"),
    upload(
      zipOf([
        { name: "a", content: x },
        { name: ".DS_Store", content: x },
        { name: "b", content: x },
      ]),
      "open",
    ),
    upload(
      tarOf([
        { name: "a", content: x },
        { name: "b", content: x },
      ]),
      "open",
    ),
  ]);
  const digests = await Promise.all(
    [ofLinks, ofZip, expected].map(async (answer) => ((await answer.json()) as { sha256: string }).sha256),
  );
  expect(new Set(digests).size).toBe(1);
});

test("text that is not base64 is said to be none", async () => {
  const body = { image: "acme/runner:1", command: ["run"], mounts: [{ target: "/m", archive_b64: "!" }] };
  const answer = await world.ask("/v1/jobs", { method: "POST", body: JSON.stringify(body) });
  expect(await answer.json()).toMatchObject({ detail: "invalid mount archive", rule: "base64" });
});
