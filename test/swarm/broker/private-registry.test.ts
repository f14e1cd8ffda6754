import { afterAll, beforeAll, expect, test } from "bun:test";
import { text } from "node:stream/consumers";
import { setRegistryAccount } from "#shared/database/tables/registry-credentials.ts";
import { jobImageName } from "../../lab/job-image.ts";
import { BrokerLab, masterKey } from "../../support/worlds/broker-lab.ts";

const account = { username: "robot", password: "pa55 word" };
let world: BrokerLab;
let image: string;
beforeAll(async () => {
  world = await BrokerLab.start();
  const registry = await world.lab.startRegistry(account);
  const repository = `${registry.host}/acme/private`;
  image = `${repository}:1`;
  // Known to no node, the manager included: the registry alone has it.
  const { docker } = world.lab.manager;
  await docker.getImage(jobImageName).tag({ repo: repository, tag: "1" });
  const authconfig = { ...account, serveraddress: registry.host };
  const pushing = await docker.getImage(image).push({ authconfig });
  const said = await text(pushing);
  if (said.includes("errorDetail")) throw new Error(said);
  await docker.getImage(image).remove();
  const jobs = { ...(await policy()), image_allowlist: ["lab/", `${registry.host}/acme/`] };
  await world.sql`update challenges set spec = jsonb_set(spec, '{jobs}', ${world.sql.json(jobs)})`;
}, 150_000);
afterAll(() => world[Symbol.asyncDispose](), 60_000);

const policy = async () => (await world.sql`select spec->'jobs' as jobs from challenges`)[0]?.["jobs"] as object;
const logIn = (password: string) =>
  setRegistryAccount(world.sql, masterKey, "demo", {
    registry: image.split("/")[0] ?? "",
    username: account.username,
    updated_at: new Date(),
    password,
  });
const submit = () =>
  world.ask("/v1/jobs", {
    method: "POST",
    body: JSON.stringify({ image, command: ["echo", "private"], limits: { cpus: 0.1, memory: "32m" } }),
  });

test("a private image is refused to a challenge without an account, or with a wrong one, and runs with the right one", async () => {
  const refused = { status: 400, code: "image_not_shown" };
  expect(await (await submit()).json()).toMatchObject(refused);
  await logIn("wrong");
  expect(await (await submit()).json()).toMatchObject(refused);
  await logIn(account.password);
  const accepted = await submit();
  expect(accepted.status).toBe(202);
  const { id } = (await accepted.json()) as { id: string };
  expect(await world.ended(id)).toMatchObject({ state: "succeeded" });
  expect([await world.log(id), world.startsOf(id)]).toEqual(["private\n", 1]);
  const [job] = await world.sql`select * from jobs where id = ${id}`;
  expect(JSON.stringify(job)).not.toContain(account.password);
  expect(job?.["image_id"]).toMatch(/^10\.77\.\d+\.\d+:5000\/acme\/private@sha256:/);
}, 120_000);
