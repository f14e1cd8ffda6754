import { beforeEach, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { gunzipSync } from "node:zlib";
import { Type } from "@sinclair/typebox";
import { guarded } from "#shared/http/app.ts";
import { createLogger } from "#shared/observability/logger.ts";
import { systemClock } from "#shared/time/clock.ts";
import { createApp } from "../../../../roles/challenge/app.ts";
import { type ChallengeDefinition, defineChallenge } from "../../../../roles/challenge/sdk/define-challenge.ts";
import { openDatabase } from "../../../../roles/challenge/sdk/store/open-database.ts";
import { createSubmissions, type Submissions } from "../../../../roles/challenge/sdk/store/submissions.ts";
import { longNameEntry, tarOf } from "../../../support/builders/archives/tar-builder.ts";
import { zipOf } from "../../../support/builders/archives/zip-builder.ts";

const shared_token = "t".repeat(32);
const log = createLogger("test", "silent");
const settings = Type.Object({});
const x = Buffer.from("x");
let submissions: Submissions;
beforeEach(() => {
  submissions = createSubmissions(openDatabase(":memory:"), systemClock);
});

const plain = defineChallenge({
  version: "1.0.0",
  capabilities: [],
  settings,
  job: () => {
    throw new Error("not asked for");
  },
  score: () => ({ score: 0, details: {} }),
});
const withZips = defineChallenge({ ...plain, archives: { forms: ["zip"], macos_files: "drop" } });

/** An upload as the proxy forwards it. */
async function post(definition: ChallengeDefinition<typeof settings>, body: Buffer): Promise<Response> {
  const context = { slug: "demo", settings: {}, submissions, log };
  const app = createApp({ definition, context, shared_token, onReceived: () => undefined });
  const headers = {
    authorization: `Bearer ${shared_token}`,
    "x-platform-challenge-slug": "demo",
    "x-platform-verified-hotkey": "5A",
    "x-platform-verified-nonce": "n",
    "x-platform-request-hash": createHash("sha256").update(body).digest("hex"),
  };
  const url = "http://127.0.0.1/internal/v1/bridge/submissions";
  return await guarded(app, log)(new Request(url, { method: "POST", headers, body: new Uint8Array(body) }));
}

describe("a challenge without an accept of its own", () => {
  test("takes an archive, re-packed", async () => {
    const tar = tarOf([{ name: "./a", content: x, mtime: 5 }]);
    const answer = await post(plain, tar);
    expect(answer.status).toBe(202);
    const { id } = (await answer.json()) as { id: string };
    expect(gunzipSync(submissions.content(id) as Uint8Array)).toEqual(
      tarOf([{ name: "a", content: x, mtime: 0, uid: 0, edit: ours }]),
    );
  });

  test("refuses a broken one at once, and tells the miner which entry, why, and what to do", async () => {
    const answer = await post(plain, tarOf([{ name: "ok" }, { name: "out\n", type: "2", link: "/etc" }]));
    expect(answer.status).toBe(400);
    const remedy =
      "Pack what the links point to: tar -h for symbolic links, --hard-dereference for hard links; or have the challenge's record copy links.";
    expect(await answer.json()).toMatchObject({
      code: "unsafe_archive",
      detail: `The submission is refused: unsafe archive: entry 2 "out\\n": symbolic link. ${remedy}`,
      position: 2,
      entry: '"out\\n"',
      rule: "link",
      reason: "symbolic link",
      remedy,
    });
    expect(submissions.countByState()).toEqual({});
  });

  test("answers 413 with bound and value to one that is too large", async () => {
    const answer = await post(plain, tarOf([longNameEntry("a/".repeat(600)), { name: "a/" }]));
    expect(answer.status).toBe(413);
    expect(await answer.json()).toMatchObject({ code: "limit_archive", reason: "name of 1199 bytes, at most 1,024" });
  });

  test("takes a zip only where its archives say so", async () => {
    const zip = zipOf([
      { name: "a", content: x },
      { name: "__MACOSX/._a", content: x },
    ]);
    expect(await (await post(plain, zip)).json()).toMatchObject({
      detail: "The submission is refused: invalid archive: this is a zip. Send a .tar.gz.",
      rule: "format",
    });
    expect((await post(withZips, zip)).status).toBe(202);
  });
});

/** What of the test's builder is not canonical: the group. */
function ours(block: Buffer): void {
  block.write("0000000\0", 116, "latin1");
  block.write("0000000\x000000000\0", 329, "latin1");
}
