import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { deriveToken } from "#shared/auth/tokens.ts";
import type { Engine } from "#shared/engine/engine.ts";
import { isSealed } from "#shared/engine/seal-service.ts";
import { waitFor } from "../../support/wait-for.ts";
import { masterKey, network, networksOf, SupervisorWorld, standInFor } from "../../support/worlds/supervisor-world.ts";

let world: SupervisorWorld;
let engine: Engine;

beforeAll(async () => {
  world = await SupervisorWorld.start();
  engine = world.engine;
}, 90_000);

afterAll(async () => await world?.stop(), 60_000);

test("a job that stands two minutes past its deadline is stopped, and that is on record", async () => {
  const job = async (id: string, late: string) => {
    await world.sql`insert into jobs (id, challenge, job_id, spec_digest, spec, image_id, cpus, memory_bytes, state,
      deadline_at, accepted_at, node_id, node_class, intent_fencing, starting_at, running_at, swarm_task_id)
      values (${id}, 'x', 'job', '', '{}', '', 1, 1, 'running', now() - ${late}::interval, now(), 'node', 'cpu', 1, now(),
      now(), 'task')`;
    const command = ["sleep", "600"];
    const { Mode: _, Name: __, ...spec } = standInFor("proxy");
    await engine.createService({
      ...spec,
      Name: `platform-job-${id}`,
      TaskTemplate: {
        ...spec.TaskTemplate,
        ContainerSpec: { Image: spec.TaskTemplate.ContainerSpec.Image, Args: command },
        RestartPolicy: { Condition: "none", MaxAttempts: 0 },
      },
      Mode: { ReplicatedJob: { MaxConcurrent: 1, TotalCompletions: 1 } },
    });
  };
  const sealedNow = async (id: string) => {
    const service = await engine.service(`platform-job-${id}`);
    return service ? isSealed(service.Spec) : null;
  };
  await job("late", "3 minutes");
  await job("intime", "1 minute");
  await waitFor(() => sealedNow("late"), { deadline_ms: 30_000, what: "the late job sealed" });
  expect(await sealedNow("intime")).toBe(false);
  // It is sealed first, and then put on record.
  const recorded = async () => {
    const rows = await world.sql`select job, kind from job_events`;
    return rows.length > 0 ? rows : null;
  };
  const events = await waitFor(recorded, { what: "the record of it" });
  expect(events.map(({ job, kind }) => [job, kind])).toEqual([["late", "reaped"]]);
  for (const id of ["late", "intime"]) await engine.removeService(`platform-job-${id}`);
  await world.sql`delete from jobs`;
}, 60_000);

describe("activating a challenge", () => {
  test("makes its service, network, secrets and volume, and attaches the roles to it", async () => {
    await world.activate("alpha");
    await world.isAttached("platform-proxy", "platform_challenge_alpha");
    await world.isAttached("platform-admin", "platform_challenge_alpha");
    const container = await world.running("challenge-alpha");
    const address = container.NetworkSettings.Networks["platform_challenge_alpha"]?.IPAddress ?? "";
    expect(await world.inProxy("nslookup", "challenge-alpha")).toContain(`Address: ${address}\n`);
    const ask = `printf 'GET /health HTTP/1.1\\r\\nHost: challenge-alpha\\r\\nConnection: close\\r\\n\\r\\n' | nc -w 2 ${address} 8000`;
    const health = await waitFor(() => world.inProxy("sh", "-c", ask), {
      deadline_ms: 20_000,
      every_ms: 200,
      what: "an answer of the challenge",
    });
    expect(health).toContain('"status":"ok","slug":"alpha"');

    const found = await engine.network("platform_challenge_alpha");
    expect(found?.Internal).toBe(true);
    expect(networksOf(container)).toEqual(["platform_challenge_alpha"]);
    const secrets = await engine.secrets({ "platform.challenge": "alpha" });
    expect(secrets.map(({ Spec }) => Spec.Name).sort()).toEqual([
      "platform_alpha_challenge_token_g1",
      "platform_alpha_docker_broker_token_g1",
    ]);
    expect((await engine.volumes({})).map(({ Name }) => Name)).toContain("platform_alpha_sqlite");
  }, 90_000);

  test("gives the container no privilege, and environment values as the record has them", async () => {
    const { Id } = await world.running("challenge-alpha");
    const { HostConfig, Config, Mounts } = await world.lab.manager.docker.getContainer(Id).inspect();
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
    const { Id } = await world.running("challenge-alpha");
    const container = JSON.stringify(await world.lab.manager.docker.getContainer(Id).inspect());
    const everything = container + JSON.stringify(await engine.service("challenge-alpha"));
    expect(everything).not.toContain(masterKey);
    expect(everything).not.toContain("postgres");
    expect(everything).not.toContain("docker.sock");
    expect(everything).not.toContain(deriveToken(masterKey, "challenge", "alpha", 1));
    const [task] = await engine.tasksOfService("challenge-alpha");
    const root = `/proc/${task?.Status.ContainerStatus?.PID}/root/run/secrets/platform`;
    const { stdout } = await world.lab.manager.exec(["cat", `${root}/challenge_token`, `${root}/docker_broker_token`]);
    expect(stdout).toBe(deriveToken(masterKey, "challenge", "alpha", 1) + deriveToken(masterKey, "broker", "alpha", 1));
  });

  test("keeps two challenges on networks of their own", async () => {
    await world.activate("beta");
    await world.isAttached("platform-proxy", "platform_challenge_beta");
    expect(networksOf(await world.running("challenge-beta"))).toEqual(["platform_challenge_beta"]);
    expect(networksOf(await world.running("challenge-alpha"))).toEqual(["platform_challenge_alpha"]);
  }, 90_000);

  test("that cannot be made keeps no other waiting", async () => {
    await world.activate("absent", { image: "registry.invalid/none:1" });
    await world.activate("gamma");
    await world.isAttached("platform-proxy", "platform_challenge_gamma");
    expect(await engine.service("challenge-absent")).toBeNull();
    await world.sql`update challenges set status = 'inactive' where slug in ('absent', 'gamma')`;
  }, 90_000);
});

describe("what runs", () => {
  test("is attached again within a second after a role restarted", async () => {
    const former = await world.running("platform-proxy");
    const since = Math.floor(Date.now() / 1_000);
    await world.lab.manager.docker.getContainer(former.Id).kill();
    const present = await waitFor(
      async () => {
        const found = await world.running("platform-proxy");
        return found.Id !== former.Id && networksOf(found).includes("platform_challenge_alpha") ? found : null;
      },
      { deadline_ms: 20_000, what: "the restarted proxy on the network" },
    );
    const { Id: networkId = "" } = (await engine.network("platform_challenge_alpha")) ?? {};
    const started_ns = await world.timeOf(since, ({ Action, Actor }) => Action === "start" && Actor.ID === present.Id);
    const attached_ns = await world.timeOf(
      since,
      ({ Action, Actor }) =>
        Action === "connect" && Actor.ID === networkId && Actor.Attributes["container"] === present.Id,
    );
    expect((attached_ns - started_ns) / 1e6).toBeLessThan(1_000);
  }, 40_000);

  test("is adopted by a supervisor that comes after a killed one", async () => {
    const before = await world.running("challenge-alpha");
    const index = (await engine.service("challenge-alpha"))?.Version.Index;
    world.supervisor.kill("SIGKILL");
    await world.supervisor.exited;
    await world.sql`update challenges set status = 'inactive' where slug = 'beta'`;
    await world.startSupervisor();
    await waitFor(async () => (await engine.service("challenge-beta")) === null, { deadline_ms: 20_000 });
    expect((await engine.service("challenge-alpha"))?.Version.Index).toBe(index);
    expect((await world.running("challenge-alpha")).Id).toBe(before.Id);
  }, 40_000);

  test("gets new tokens by a rotation, which ends when nothing runs with the old ones", async () => {
    await world.sql`update challenges set token_generation = 2, token_rotating = true where slug = 'alpha'`;
    await waitFor(
      async () => {
        const [row] = await world.sql`select token_rotating from challenges where slug = 'alpha'`;
        return row?.["token_rotating"] === false;
      },
      { deadline_ms: 60_000, every_ms: 100, what: "the end of the rotation" },
    );
    const container = await world.running("challenge-alpha");
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
    await world.activate("alpha", { egress: true });
    await waitFor(async () => (await engine.network("platform_challenge_alpha"))?.Internal === false, {
      deadline_ms: 60_000,
      every_ms: 100,
      what: "a network with egress",
    });
    await world.isAttached("platform-proxy", "platform_challenge_alpha");
  }, 90_000);

  test("stays attached while the database is away", async () => {
    await world.server.halt("SIGKILL");
    try {
      const former = await world.running("platform-admin");
      await world.lab.manager.docker.getContainer(former.Id).kill();
      await waitFor(async () => (await world.running("platform-admin")).Id !== former.Id, { deadline_ms: 20_000 });
      await world.isAttached("platform-admin", "platform_challenge_alpha");
      expect((await world.ask("/readyz")).status).toBe(503);
    } finally {
      await world.server.start();
    }
    await waitFor(async () => (await world.ask("/readyz")).ok, { deadline_ms: 20_000, what: "readiness" });
  }, 60_000);

  test("is all back after the manager's engine restarted", async () => {
    const former = await world.running("platform-proxy");
    await world.lab.manager.restart();
    await waitFor(async () => (await world.running("platform-proxy")).Id !== former.Id, { deadline_ms: 30_000 });
    await world.isAttached("platform-proxy", "platform_challenge_alpha");
    await world.isAttached("platform-admin", "platform_challenge_alpha");
    await waitFor(async () => (await world.ask("/readyz")).ok, { deadline_ms: 20_000, what: "readiness" });
  }, 90_000);

  test("is in the table of nodes", async () => {
    const rows = await world.sql`select hostname, state, details from nodes`;
    expect(rows.map(({ hostname, state }) => ({ hostname, state }))).toEqual([{ hostname: "manager", state: "ready" }]);
  });
});

describe("deactivating a challenge", () => {
  test("removes service, network and secrets, keeps its volume, and touches nothing that is not the platform's", async () => {
    await engine.createNetwork(network("platform_challenge_theirs"));
    await engine.createService({ ...standInFor("x"), Name: "challenge-theirs", Labels: {} });
    await world.sql`update challenges set status = 'inactive'`;
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
    expect(networksOf(await world.running("platform-proxy"))).toEqual(["platform_control"]);
  }, 90_000);

  test("leaves a supervisor that ends in good order", async () => {
    world.supervisor.kill("SIGTERM");
    expect(await world.supervisor.exited).toBe(0);
  }, 20_000);
});
