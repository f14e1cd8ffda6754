import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { Value } from "@sinclair/typebox/value";
import { deriveToken } from "#shared/auth/tokens.ts";
import { connectDatabase, type Database } from "#shared/database/database.ts";
import { migrate } from "#shared/database/migrate.ts";
import { connectEngine } from "#shared/engine/docker-engine.ts";
import type { Container, Engine, ServiceSpec } from "#shared/engine/engine.ts";
import { ChallengeSpec } from "#shared/schemas/challenge.ts";
import manifest from "../../package.json";
import { jobImageName } from "../lab/job-image.ts";
import { type Lab, startLab } from "../lab/lab.ts";
import type { MachineProcess } from "../lab/machine.ts";
import { startPostgres, type TestPostgres } from "../support/postgres.ts";
import { projectRoot } from "../support/suite-list.ts";
import { waitFor } from "../support/wait-for.ts";

const masterKey = "a master key of the tests, long enough";
const challengeImage = `platform/challenge:${manifest.version}`;
const serviceLabel = "com.docker.swarm.service.name";
const managed = { "platform.managed": "true" } as const;

let lab: Lab;
let server: TestPostgres;
let databaseUrl: string;
let sql: Database;
let engine: Engine;
let supervisor: MachineProcess;

beforeAll(async () => {
  [lab, server] = await Promise.all([startLab({ nodes: [{ name: "manager" }] }), startPostgres()]);
  databaseUrl = await server.createDatabase();
  sql = connectDatabase(databaseUrl, "test");
  await migrate(sql);
  engine = await connectEngine(lab.manager.socketPath);
  await lab.manager.loadImage(join(projectRoot, "dist/images/challenge.tar"));
  await engine.createNetwork({
    Name: "platform_control",
    Labels: managed,
    Internal: true,
    Attachable: false,
    Encrypted: true,
  });
  for (const role of ["proxy", "admin"]) await engine.createService(standInFor(role));
  supervisor = await startSupervisor();
}, 90_000);

afterAll(async () => {
  await sql?.end({ timeout: 1 });
  await Promise.all([lab?.stop(), server?.stop()]);
}, 60_000);

function startSupervisor(): Promise<MachineProcess> {
  return lab.spawnOnManager([join(projectRoot, "dist/platform-supervisor")], {
    NODE_ENV: "production",
    PLATFORM_DATABASE_URL: databaseUrl,
    PLATFORM_MASTER_KEY: masterKey,
    PLATFORM_RECONCILE_MS: "500",
  });
}

/** A service of that role's name: what the supervisor attaches is its container, whatever runs in it. */
function standInFor(role: string): ServiceSpec {
  return {
    Name: `platform-${role}`,
    Labels: { ...managed, "platform.kind": "role" },
    TaskTemplate: {
      ContainerSpec: { Image: jobImageName, Command: ["sleep", "100000"], Init: true },
      RestartPolicy: { Condition: "any", Delay: 1e8 },
      Networks: [{ Target: "platform_control" }],
    },
    Mode: { Replicated: { Replicas: 1 } },
    EndpointSpec: { Mode: "dnsrr" },
  };
}

/** Its own ops socket, as the host sees it. */
function ask(path: string): Promise<Response> {
  return fetch(`http://supervisor${path}`, { unix: join(lab.manager.directory, "run/platform/supervisor/ops.sock") });
}

async function activate(slug: string, record: Record<string, unknown> = {}): Promise<void> {
  const env = { DEMO_JOB_IMAGE: jobImageName, GREETING: "{{.Node.Hostname}}" };
  const spec = Value.Default(ChallengeSpec, {
    ...{ slug, name: slug, image: challengeImage, env, required_capabilities: ["docker_executor"] },
    ...record,
  }) as ChallengeSpec;
  await sql`insert into challenges (slug, spec, status) values (${slug}, ${sql.json({ ...spec })}, 'active')
    on conflict (slug) do update set spec = excluded.spec, status = 'active', updated_at = now()`;
}

async function runningContainer(service: string): Promise<Container> {
  return await waitFor(
    async () => (await engine.containers({ [serviceLabel]: service })).find(({ State }) => State === "running"),
    { deadline_ms: 60_000, what: `a container of ${service}` },
  );
}

const networksOf = ({ NetworkSettings }: Container) => Object.keys(NetworkSettings.Networks).sort();

async function isAttached(service: string, network: string): Promise<void> {
  await waitFor(async () => networksOf(await runningContainer(service)).includes(network), {
    deadline_ms: 30_000,
    what: `${service} on ${network}`,
  });
}

async function serviceOf(slug: string): Promise<ServiceSpec> {
  const service = await waitFor(() => engine.service(`challenge-${slug}`), { what: `the service of ${slug}` });
  return service.Spec;
}

/** Runs a command in the proxy's stand-in, which has nothing but the networks that it was attached to. */
async function inProxy(...command: string[]): Promise<string> {
  const { Id } = await runningContainer("platform-proxy");
  const { exitCode, stdout, stderr } = await lab.manager.exec(["docker", "exec", Id, ...command], {
    timeout_ms: 10_000,
  });
  if (exitCode !== 0) throw new Error(`${command.join(" ")}: ${stderr}`);
  return stdout;
}

describe("activating a challenge", () => {
  test("makes its service, network, secrets and volume, and attaches the roles to it", async () => {
    await activate("alpha");
    await isAttached("platform-proxy", "platform_challenge_alpha");
    await isAttached("platform-admin", "platform_challenge_alpha");
    const container = await runningContainer("challenge-alpha");
    const address = container.NetworkSettings.Networks["platform_challenge_alpha"]?.IPAddress ?? "";
    expect(await inProxy("nslookup", "challenge-alpha")).toContain(`Address: ${address}\n`);
    const ask = `printf 'GET /health HTTP/1.1\\r\\nHost: challenge-alpha\\r\\nConnection: close\\r\\n\\r\\n' | nc -w 2 ${address} 8000`;
    const health = await waitFor(() => inProxy("sh", "-c", ask), {
      deadline_ms: 20_000,
      every_ms: 200,
      what: "an answer of the challenge",
    });
    expect(health).toContain('"status":"ok","slug":"alpha"');

    const network = await engine.network("platform_challenge_alpha");
    expect(network?.Internal).toBe(true);
    expect(networksOf(container)).toEqual(["platform_challenge_alpha"]);
    const secrets = await engine.secrets({ "platform.challenge": "alpha" });
    expect(secrets.map(({ Spec }) => Spec.Name).sort()).toEqual([
      "platform_alpha_challenge_token_g1",
      "platform_alpha_docker_broker_token_g1",
    ]);
    expect((await engine.volumes({})).map(({ Name }) => Name)).toContain("platform_alpha_sqlite");
  }, 90_000);

  test("gives the container no privilege, and environment values as the record has them", async () => {
    const { Id } = await runningContainer("challenge-alpha");
    const { HostConfig, Config, Mounts } = await lab.manager.docker.getContainer(Id).inspect();
    expect(HostConfig.ReadonlyRootfs).toBe(true);
    expect(HostConfig.CapDrop).toEqual(["ALL"]);
    expect(HostConfig.SecurityOpt).toContain("no-new-privileges=true");
    expect(HostConfig.Memory).toBe(1_024 * 2 ** 20);
    expect(Config.Hostname).toBe("challenge-alpha");
    expect(Config.Env).toContain("GREETING={{.Node.Hostname}}");
    expect(Config.Env).toContain("CHALLENGE_DOCKER_BROKER_URL=http://platform-broker:8082");
    const targets = Mounts.map(({ Destination }) => Destination).filter((path) => !path.startsWith("/run/secrets/"));
    expect(targets.sort()).toEqual(["/data", "/tmp"]);
  });

  test("tells it its own tokens and nothing of the control plane", async () => {
    const { Id } = await runningContainer("challenge-alpha");
    const container = JSON.stringify(await lab.manager.docker.getContainer(Id).inspect());
    const everything = container + JSON.stringify(await serviceOf("alpha"));
    expect(everything).not.toContain(masterKey);
    expect(everything).not.toContain("postgres");
    expect(everything).not.toContain("docker.sock");
    expect(everything).not.toContain(deriveToken(masterKey, "challenge", "alpha", 1));
    const [task] = await engine.tasksOfService("challenge-alpha");
    const root = `/proc/${task?.Status.ContainerStatus?.PID}/root/run/secrets/platform`;
    const { stdout } = await lab.manager.exec(["cat", `${root}/challenge_token`, `${root}/docker_broker_token`]);
    expect(stdout).toBe(deriveToken(masterKey, "challenge", "alpha", 1) + deriveToken(masterKey, "broker", "alpha", 1));
  });

  test("keeps two challenges on networks of their own", async () => {
    await activate("beta");
    await isAttached("platform-proxy", "platform_challenge_beta");
    expect(networksOf(await runningContainer("challenge-beta"))).toEqual(["platform_challenge_beta"]);
    expect(networksOf(await runningContainer("challenge-alpha"))).toEqual(["platform_challenge_alpha"]);
  }, 90_000);

  test("that cannot be made keeps no other waiting", async () => {
    await activate("absent", { image: "registry.invalid/none:1" });
    await activate("gamma");
    await isAttached("platform-proxy", "platform_challenge_gamma");
    expect(await engine.service("challenge-absent")).toBeNull();
    await sql`update challenges set status = 'inactive' where slug in ('absent', 'gamma')`;
  }, 90_000);
});

describe("what runs", () => {
  test("is attached again within a second after a role restarted", async () => {
    const former = await runningContainer("platform-proxy");
    const since = Math.floor(Date.now() / 1_000);
    await lab.manager.docker.getContainer(former.Id).kill();
    const present = await waitFor(
      async () => {
        const found = await runningContainer("platform-proxy");
        return found.Id !== former.Id && networksOf(found).includes("platform_challenge_alpha") ? found : null;
      },
      { deadline_ms: 20_000, what: "the restarted proxy on the network" },
    );
    const { Id: network = "" } = (await engine.network("platform_challenge_alpha")) ?? {};
    const started_ns = await timeOf(since, ({ Action, Actor }) => Action === "start" && Actor.ID === present.Id);
    const attached_ns = await timeOf(
      since,
      ({ Action, Actor }) =>
        Action === "connect" && Actor.ID === network && Actor.Attributes["container"] === present.Id,
    );
    expect((attached_ns - started_ns) / 1e6).toBeLessThan(1_000);
  }, 40_000);

  test("is adopted by a supervisor that comes after a killed one", async () => {
    const before = await runningContainer("challenge-alpha");
    const index = (await engine.service("challenge-alpha"))?.Version.Index;
    supervisor.kill("SIGKILL");
    await supervisor.exited;
    await sql`update challenges set status = 'inactive' where slug = 'beta'`;
    supervisor = await startSupervisor();
    await waitFor(async () => (await engine.service("challenge-beta")) === null, { deadline_ms: 20_000 });
    expect((await engine.service("challenge-alpha"))?.Version.Index).toBe(index);
    expect((await runningContainer("challenge-alpha")).Id).toBe(before.Id);
  }, 40_000);

  test("gets new tokens by a rotation, which ends when nothing runs with the old ones", async () => {
    await sql`update challenges set token_generation = 2, token_rotating = true where slug = 'alpha'`;
    await waitFor(
      async () => {
        const [row] = await sql`select token_rotating from challenges where slug = 'alpha'`;
        return row?.["token_rotating"] === false;
      },
      { deadline_ms: 60_000, every_ms: 100, what: "the end of the rotation" },
    );
    const container = await runningContainer("challenge-alpha");
    expect(container.Labels["platform.token_generation"]).toBe("2");
    const names = await waitFor(
      async () => {
        const found = (await engine.secrets({ "platform.challenge": "alpha" })).map(({ Spec }) => Spec.Name).sort();
        return found.length === 2 ? found : null;
      },
      { what: "the end of the former secrets" },
    );
    expect(names).toEqual(["platform_alpha_challenge_token_g2", "platform_alpha_docker_broker_token_g2"]);
  }, 90_000);

  test("moves to another network when its record grants egress", async () => {
    await activate("alpha", { egress: true });
    await waitFor(async () => (await engine.network("platform_challenge_alpha"))?.Internal === false, {
      deadline_ms: 60_000,
      every_ms: 100,
      what: "a network with egress",
    });
    await isAttached("platform-proxy", "platform_challenge_alpha");
  }, 90_000);

  test("stays attached while the database is away", async () => {
    await server.halt("SIGKILL");
    try {
      const former = await runningContainer("platform-admin");
      await lab.manager.docker.getContainer(former.Id).kill();
      await waitFor(async () => (await runningContainer("platform-admin")).Id !== former.Id, { deadline_ms: 20_000 });
      await isAttached("platform-admin", "platform_challenge_alpha");
      expect((await ask("/readyz")).status).toBe(503);
    } finally {
      await server.start();
    }
    await waitFor(async () => (await ask("/readyz")).ok, { deadline_ms: 20_000, what: "readiness" });
  }, 60_000);

  test("is all back after the manager's engine restarted", async () => {
    const former = await runningContainer("platform-proxy");
    await lab.manager.restart();
    await waitFor(async () => (await runningContainer("platform-proxy")).Id !== former.Id, { deadline_ms: 30_000 });
    await isAttached("platform-proxy", "platform_challenge_alpha");
    await isAttached("platform-admin", "platform_challenge_alpha");
    await waitFor(async () => (await ask("/readyz")).ok, { deadline_ms: 20_000, what: "readiness" });
  }, 90_000);

  test("is in the table of nodes", async () => {
    const rows = await sql`select hostname, state, details from nodes`;
    expect(rows.map(({ hostname, state }) => ({ hostname, state }))).toEqual([{ hostname: "manager", state: "ready" }]);
  });
});

describe("deactivating a challenge", () => {
  test("removes service, network and secrets, keeps its volume, and touches nothing that is not the platform's", async () => {
    await engine.createNetwork({
      Name: "platform_challenge_theirs",
      Labels: {},
      Internal: true,
      Attachable: true,
      Encrypted: false,
    });
    await engine.createService({ ...standInFor("x"), Name: "challenge-theirs", Labels: {} });
    await sql`update challenges set status = 'inactive'`;
    await waitFor(
      async () => {
        const left = await Promise.all([
          engine.services({ "platform.kind": "challenge" }),
          engine.networks({ "platform.kind": "challenge" }),
          engine.secrets({ "platform.kind": "challenge" }),
        ]);
        return left.flat().length === 0;
      },
      { deadline_ms: 60_000, every_ms: 100, what: "the end of all that was the challenges'" },
    );
    expect((await engine.volumes({})).map(({ Name }) => Name)).toContain("platform_alpha_sqlite");
    expect(await engine.service("challenge-theirs")).not.toBeNull();
    expect(await engine.network("platform_challenge_theirs")).not.toBeNull();
    expect(networksOf(await runningContainer("platform-proxy"))).toEqual(["platform_control"]);
  }, 90_000);

  test("leaves a supervisor that ends in good order", async () => {
    supervisor.kill("SIGTERM");
    expect(await supervisor.exited).toBe(0);
  }, 20_000);
});

interface SeenEvent {
  readonly Action: string;
  readonly Actor: { readonly ID: string; readonly Attributes: Readonly<Record<string, string>> };
  readonly timeNano: number;
}

/** When the event came that `isIt` picks out of those since `since` (Unix seconds). */
async function timeOf(since: number, isIt: (event: SeenEvent) => boolean): Promise<number> {
  const until = Math.ceil(Date.now() / 1_000) + 1;
  const stream = await lab.manager.docker.getEvents({ since, until });
  let text = "";
  for await (const piece of stream) text += piece.toString();
  const events = text
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as SeenEvent);
  const found = events.find(isIt);
  if (!found) throw new Error("there was no such event");
  return found.timeNano;
}
