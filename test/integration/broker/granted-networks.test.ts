import { afterAll, beforeAll, expect, test } from "bun:test";
import { type BrokerWorld, idOf, startBrokerWorld } from "../../support/worlds/broker-world.ts";

const reserved = [
  "host",
  "bridge",
  "none ",
  "ingress",
  "docker_gwbridge",
  "default ",
  "container:platform-admin",
  "platform_control",
  "platform_public",
  "platform_transfer",
  "platform_challenge_other",
  "platform-job-1",
];
const forDemo = { "platform.challenge.demo": "true" };
const networks: Record<string, Record<string, string>> = {
  mirror: forDemo,
  plain: {},
  denied: { "platform.challenge.demo": "false" },
  others: { "platform.challenge.other": "true" },
};

let world: BrokerWorld;
beforeAll(async () => {
  world = await startBrokerWorld();
  // As a record of before these names were refused: written past the admin API.
  const granted = [...reserved, ...Object.keys(networks), ...Object.keys(networks).map(idOf), "not-there"];
  const jobs = { running_max: 8, image_allowlist: ["acme/"], networks: granted };
  const spec = { slug: "demo", name: "demo", image: "acme/challenge:1", jobs };
  await world.sql`update challenges set spec = ${world.sql.json(spec)} where slug = 'demo'`;
  for (const [name, labels] of Object.entries(networks)) world.networks.set(name, labels);
  // Even if somebody put the label on what is not his.
  for (const name of reserved) world.networks.set(name, forDemo);
}, 60_000);
afterAll(() => world[Symbol.asyncDispose]());

async function submit(path: string, network: string) {
  const job = { job_id: "1", image: "acme/runner:1", command: ["run"], limits: { network } };
  const answer = await world.ask(path, { method: "POST", body: JSON.stringify(job) });
  return { status: answer.status, body: (await answer.json()) as { code?: string; detail?: string } };
}

const sentence = "Docker network must be 'none', 'default', or a platform network";

for (const path of ["/v1/jobs", "/v1/docker/run"]) {
  test.each(reserved)(`a job on ${path} is not taken onto %s, which no record can grant`, async (network) => {
    const before = await world.liveJobs();
    expect(await submit(path, network)).toMatchObject({
      status: 400,
      body: { code: "network_not_allowed", detail: sentence },
    });
    expect(await world.liveJobs()).toEqual(before);
  });

  test.each(["plain", "denied", "others", idOf("mirror"), idOf("platform_control")])(
    `a job on ${path} is not taken onto %s, which is not labelled for its challenge by that name`,
    async (network) => {
      const before = await world.liveJobs();
      const answer = await submit(path, network);
      expect(answer.status).toBe(400);
      expect(answer.body.detail).toStartWith(sentence);
      expect(await world.liveJobs()).toEqual(before);
    },
  );
}

test("a refused network's error names the missing label", async () => {
  const detail = `${sentence}: the network others is not labelled platform.challenge.demo=true`;
  expect(await submit("/v1/jobs", "others")).toMatchObject({ body: { code: "network_not_granted", detail } });
});

test("a job is taken onto a network that is labelled for its challenge, and onto one that is still to be made", async () => {
  for (const network of ["mirror", "not-there"]) expect((await submit("/v1/jobs", network)).status).toBe(202);
});
