import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { limits } from "#shared/schemas/limits.ts";
import { tarOf } from "../../support/builders/archives/tar-builder.ts";
import { RawClient } from "../../support/raw-client.ts";
import { waitFor } from "../../support/wait-for.ts";
import { type BodyRoute, type BodyWorld, startBodyWorld } from "../../support/worlds/body-world.ts";

setDefaultTimeout(60_000);

let world: BodyWorld;
beforeAll(async () => {
  world = await startBodyWorld();
}, 120_000);
afterAll(() => world[Symbol.asyncDispose]());

const MiB = 1_048_576;
const answer_ms_max = 1_000;
/** Bun looks at its connections every four seconds. */
const drained_ms_max = limits.http.drain_ms_max + 6_000;
const garbage = (bytes: number) => Buffer.alloc(bytes, "}garbage");
const goodStart = tarOf([{ name: "good", content: Buffer.alloc(700_000, 65) }]).subarray(0, -1_024);
const nameOf = ({ role, method, path }: BodyRoute) => `${role}: ${method} ${path}`;

interface Sent {
  readonly declared_bytes: number | null;
  readonly parts: readonly Uint8Array[];
  readonly headers?: Readonly<Record<string, string>>;
}

const open = ({ target, method, path, headers }: BodyRoute, { declared_bytes, headers: changed = {} }: Sent) =>
  RawClient.open(target, { method, path, headers: { ...headers, ...changed }, declared_bytes });

/** Sends `parts`, and with no pause what it said would follow; what is answered, and how long after all of it was on its way. */
async function answerTo(route: BodyRoute, { parts, ...sent }: Sent): Promise<{ status: number; after_ms: number }> {
  using client = await open(route, { ...sent, parts });
  const sent_bytes = parts.reduce((sum, { length }) => sum + length, 0);
  const rest = garbage(Math.max(0, Math.min((sent.declared_bytes ?? 0) - sent_bytes, 20 * MiB)));
  const since_ms = performance.now();
  const sending = Promise.all([...parts, ...(rest.length > 0 ? [rest] : [])].map((part) => client.send(part)));
  const answer = await client.answer(since_ms);
  await sending;
  return answer;
}

async function expectRefusals(routes: readonly BodyRoute[], sentTo: (route: BodyRoute) => Sent, statuses: number[]) {
  for (const route of routes) {
    const { status, after_ms } = await answerTo(route, sentTo(route));
    expect([nameOf(route), statuses.includes(status) || status]).toEqual([nameOf(route), true]);
    expect([nameOf(route), after_ms < answer_ms_max || after_ms]).toEqual([nameOf(route), true]);
  }
  await expectNothingLeft();
}

async function expectNothingLeft(): Promise<void> {
  await waitFor(async () => expect(await world.leftOvers()).toEqual([]) === undefined, { what: "nothing left" });
  // A file that was left open would be closed by this, with an error at no one in particular.
  Bun.gc(true);
}

const [withToken, archives, small] = [
  () => world.routes.filter(({ hasToken }) => hasToken),
  () => world.routes.filter(({ body }) => body === "archive"),
  () => world.routes.filter(({ bytes_max }) => bytes_max <= 8 * MiB),
];
const wholes = () => world.routes.filter(({ body, path }) => body !== "archive" && path !== "/");

describe("a body that is refused while it is being sent", () => {
  test("every route of the job API that reads one is in this table", () => {
    const known = world.routes.filter(({ role }) => role === "broker").map(({ method, path }) => `${method} ${path}`);
    expect(world.undescribed.filter((route) => !known.includes(route))).toEqual([]);
  });

  test("its sender without a token hears so within a second", async () => {
    const headers = { authorization: "Bearer wrong" };
    const sent = { declared_bytes: 900_000, parts: [garbage(600_000)], headers };
    await expectRefusals(withToken(), () => sent, [401]);
  });

  test("that says it is too large is answered before it comes", async () => {
    const sent = ({ bytes_max }: BodyRoute) => ({ declared_bytes: bytes_max + 1, parts: [garbage(1_000)] });
    await expectRefusals(world.routes, sent, [413]);
  });

  test("that turns out to be too large is answered at its first byte too many", async () => {
    const sent = ({ bytes_max }: BodyRoute) => ({ declared_bytes: null, parts: [garbage(bytes_max), garbage(1)] });
    await expectRefusals(small(), sent, [413]);
  });

  test("is answered at a bad first block of an archive", async () => {
    await expectRefusals(archives(), () => ({ declared_bytes: 20 * MiB, parts: [garbage(600_000)] }), [400, 422]);
  });

  test("is answered at a bad block in the middle of an archive", async () => {
    const parts = [goodStart, garbage(200_000)];
    await expectRefusals(archives(), () => ({ declared_bytes: 20 * MiB, parts }), [400, 422]);
  });

  test("is answered at its end where only the whole tells that it is bad", async () => {
    const parts = [Buffer.from('{"a":"'), garbage(500_000)];
    const declared_bytes = parts.reduce((sum, { length }) => sum + length, 0);
    // The first generation's routes answer 422 to what is not JSON (contract §4).
    await expectRefusals(wholes(), () => ({ declared_bytes, parts }), [400, 422]);
  });

  test("leaves nothing when its client goes in the middle", async () => {
    for (const route of world.routes) {
      using client = await open(route, { declared_bytes: 900_000, parts: [] });
      await client.send(route.body === "archive" ? goodStart : garbage(600_000));
    }
    await expectNothingLeft();
  });
});

test("a client that falls silent in the middle is told so, and its connection is closed", async () => {
  await Promise.all(
    world.routes.map(async (route) => {
      using client = await open(route, { declared_bytes: 900_000, parts: [] });
      await client.send(route.body === "archive" ? goodStart : garbage(600_000));
      const { status, after_ms } = await client.answer();
      expect([nameOf(route), status]).toEqual([nameOf(route), 408]);
      expect(after_ms).toBeWithin(limits.http.body_silence_ms_max - 500, limits.http.body_silence_ms_max + 2_000);
      await waitForClose(client, route);
    }),
  );
  await expectNothingLeft();
});

test("a refused client that sends nothing more, or little at a time, is cut off", async () => {
  await Promise.all(
    withToken().flatMap((route) =>
      [0, 500].map(async (every_ms) => {
        const sent = { declared_bytes: 900_000, parts: [], headers: { authorization: "Bearer wrong" } };
        using client = await open(route, sent);
        await client.send(garbage(1_000));
        const trickle = every_ms > 0 && setInterval(() => void client.send(Buffer.from("x")), every_ms);
        expect((await client.answer()).status).toBe(401);
        await waitForClose(client, route);
        if (trickle) clearInterval(trickle);
      }),
    ),
  );
});

async function waitForClose(client: RawClient, route: BodyRoute): Promise<void> {
  const late = Bun.sleep(drained_ms_max).then(() => "still open");
  expect([nameOf(route), await Promise.race([client.closed(), late])]).toEqual([nameOf(route), undefined]);
}

test("an old client that sends everything before it reads sees its refusal, not a broken pipe", async () => {
  for (const route of withToken()) {
    const headers = { authorization: "Bearer wrong", connection: "close" };
    const parts = Array.from({ length: 30 }, () => garbage(MiB));
    using client = await open(route, { declared_bytes: 30 * MiB, parts, headers });
    for (const part of parts) await client.send(part);
    expect((await client.answer()).status).toBe(401);
    await client.closed();
    expect(client.received).toContain('"status":401');
  }
});
