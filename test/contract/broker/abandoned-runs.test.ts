import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  type Answer,
  type Asked,
  archive,
  askWithPython,
  newJobOf,
  runRequest,
} from "../../support/clients/run-client.ts";
import { waitFor } from "../../support/wait-for.ts";
import { type BrokerWorld, startBrokerWorld, succeeded } from "../../support/worlds/broker-world.ts";

let world: BrokerWorld;
beforeAll(async () => {
  world = await startBrokerWorld();
}, 60_000);
afterAll(() => world[Symbol.asyncDispose]());

const newJob = (...known: string[]) => newJobOf(world, ...known);
const python = (...asked: Asked) => askWithPython(world, ...asked);
const post = (path: string, body: unknown, init: RequestInit = {}) =>
  world.ask(path, { method: "POST", body: JSON.stringify(body), ...init });
const calls = (count: number) =>
  waitFor(() => world.changes.waiting === count, { deadline_ms: 20_000, what: `${count} run calls that wait` });

describe("a run call whose client has gone", () => {
  test("gives the result of a client that hung up to the next one with the same content, once", async () => {
    const request = (mtime: number) =>
      runRequest({ task_id: "hang-up", mounts: [{ target: "/in", archive_b64: archive("a", "same", mtime) }] });
    const hangUp = new AbortController();
    const first = post("/v1/docker/run", request(1), { signal: hangUp.signal }).catch((error: Error) => error.name);
    const id = await newJob();
    hangUp.abort();
    expect(await first).toBe("AbortError");
    await world.end(id, { outcome: succeeded, stdout: "kept" });
    const second = (await (await post("/v1/docker/run", request(2))).json()) as Answer["body"];
    expect(second).toMatchObject({ container_name: `platform-job-${id}`, stdout: "kept" });

    const third = post("/v1/docker/run", request(3));
    const another = await newJob();
    expect(another).not.toBe(id);
    await world.end(another, { outcome: succeeded });
    expect((await third).status).toBe(200);
  });

  test("gives a run whose client hung up while it runs to the next one with the same content, and starts no second", async () => {
    const request = runRequest({ task_id: "abandoned" });
    const hangUp = new AbortController();
    const first = post("/v1/docker/run", request, { signal: hangUp.signal }).catch((error: Error) => error.name);
    const id = await newJob();
    hangUp.abort();
    expect(await first).toBe("AbortError");
    await calls(0);

    const second = python("/v1/docker/run", request);
    const beside = post("/v1/docker/run", request);
    const another = await newJob(id);
    await calls(2);
    expect(await world.liveJobs()).toEqual([id, another]);
    await world.end(id, { outcome: succeeded, stdout: "once" });
    await world.end(another, { outcome: succeeded, stdout: "anew" });
    const answers = [(await second).body, (await (await beside).json()) as Answer["body"]];
    expect(answers.map(({ container_name }) => container_name).sort()).toEqual(
      [id, another].sort().map((job) => `platform-job-${job}`),
    );

    const third = post("/v1/docker/run", request);
    const anew = await newJob();
    expect([id, another]).not.toContain(anew);
    await world.end(anew, { outcome: succeeded });
    expect((await third).status).toBe(200);
  }, 30_000);

  const restarts: [string, number, number][] = [
    ["before the first space", 0, 503],
    ["after spaces had gone out", 6_000, 200],
  ];
  for (const [when, waited_ms, status] of restarts) {
    test(`tells a client to ask again when the broker restarts ${when}, and its successor has the run`, async () => {
      const request = runRequest({ task_id: when });
      const cut = python("/v1/docker/run", request, 30, "--bare");
      const id = await newJob();
      await Bun.sleep(waited_ms);
      await world.restart();
      const { status: seen, body } = await cut;
      // Without `container_name`: the platform's fault, as an error is.
      expect({ seen, code: body.code, name: body.container_name }).toEqual({
        seen: status,
        code: "broker_restarting",
        name: undefined,
      });
      const again = python("/v1/docker/run", request);
      await calls(1);
      expect(await world.liveJobs()).toEqual([id]);
      await world.end(id, { outcome: succeeded, stdout: "went on" });
      expect((await again).body).toMatchObject({ container_name: `platform-job-${id}`, stdout: "went on" });
      expect(await world.liveJobs()).toEqual([]);
    }, 30_000);
  }
});
