import { join } from "node:path";
import { Value } from "@sinclair/typebox/value";
import { connectDatabase, type Database } from "#shared/database/database.ts";
import { migrate } from "#shared/database/migrate.ts";
import { connectEngine } from "#shared/engine/docker-engine.ts";
import type { Container, Engine, EngineEvent, ServiceSpec } from "#shared/engine/engine.ts";
import { ChallengeSpec } from "#shared/schemas/challenge.ts";
import manifest from "../../../package.json";
import { jobImageName } from "../../lab/job-image.ts";
import { type Lab, startLab } from "../../lab/lab.ts";
import type { MachineProcess } from "../../lab/machine.ts";
import { projectRoot } from "../runner/suite-list.ts";
import { waitFor } from "../wait-for.ts";
import { startPostgres, type TestPostgres } from "./postgres.ts";

const serviceLabel = "com.docker.swarm.service.name";
const managed = { "platform.managed": "true" } as const;

export const masterKey = "a master key of the tests, long enough";
export const networksOf = ({ NetworkSettings }: Container) => Object.keys(NetworkSettings.Networks).sort();

/** A one-node Swarm with a database, stand-ins for proxy and admin, and the supervisor as a process of the manager. */
export class SupervisorWorld {
  readonly lab: Lab;
  readonly server: TestPostgres;
  readonly sql: Database;
  readonly engine: Engine;
  readonly #databaseUrl: string;
  supervisor!: MachineProcess;

  private constructor(lab: Lab, server: TestPostgres, databaseUrl: string, engine: Engine) {
    this.lab = lab;
    this.server = server;
    this.engine = engine;
    this.#databaseUrl = databaseUrl;
    this.sql = connectDatabase(databaseUrl, "test");
  }

  static async start(): Promise<SupervisorWorld> {
    const [lab, server] = await Promise.all([startLab({ nodes: [{ name: "manager" }] }), startPostgres()]);
    const engine = await connectEngine(lab.manager.socketPath);
    const world = new SupervisorWorld(lab, server, await server.createDatabase(), engine);
    await migrate(world.sql);
    await lab.manager.loadImage(join(projectRoot, "dist/images/challenge.tar"));
    await engine.createNetwork({ ...network("platform_control"), Labels: managed, Encrypted: true });
    for (const role of ["proxy", "admin"]) await engine.createService(standInFor(role));
    await world.startSupervisor();
    return world;
  }

  async startSupervisor(): Promise<void> {
    this.supervisor = await this.lab.spawnOnManager([join(projectRoot, "dist/platform-supervisor")], {
      NODE_ENV: "production",
      PLATFORM_DATABASE_URL: this.#databaseUrl,
      PLATFORM_MASTER_KEY: masterKey,
      PLATFORM_RECONCILE_MS: "500",
    });
  }

  /** The supervisor's own ops socket, as the host sees it. */
  ask(path: string): Promise<Response> {
    const unix = join(this.lab.manager.directory, "run/platform/supervisor/ops.sock");
    return fetch(`http://supervisor${path}`, { unix });
  }

  async activate(slug: string, record: Record<string, unknown> = {}): Promise<void> {
    const spec = Value.Default(ChallengeSpec, {
      slug,
      name: slug,
      image: `platform/challenge:${manifest.version}`,
      env: { DEMO_JOB_IMAGE: jobImageName, GREETING: "{{.Node.Hostname}}" },
      required_capabilities: ["docker_executor"],
      ...record,
    }) as ChallengeSpec;
    await this.sql`insert into challenges (slug, spec, status) values (${slug}, ${this.sql.json({ ...spec })}, 'active')
      on conflict (slug) do update set spec = excluded.spec, status = 'active', updated_at = now()`;
  }

  async running(service: string): Promise<Container> {
    return await waitFor(
      async () => (await this.engine.containers({ [serviceLabel]: service })).find(({ State }) => State === "running"),
      { deadline_ms: 60_000, what: `a container of ${service}` },
    );
  }

  async isAttached(service: string, networkName: string): Promise<void> {
    await waitFor(async () => networksOf(await this.running(service)).includes(networkName), {
      deadline_ms: 30_000,
      what: `${service} on ${networkName}`,
    });
  }

  /** Runs a command in the proxy's stand-in, which is only on the networks that it was attached to. */
  async inProxy(...command: string[]): Promise<string> {
    const { Id } = await this.running("platform-proxy");
    const inside = ["docker", "exec", Id, ...command];
    const { exitCode, stdout, stderr } = await this.lab.manager.exec(inside, { timeout_ms: 10_000 });
    if (exitCode !== 0) throw new Error(`${command.join(" ")}: ${stderr}`);
    return stdout;
  }

  /** The time (Unix nanoseconds) of the event that `isIt` accepts, among those since `since` (Unix seconds). */
  async timeOf(since: number, isIt: (event: EngineEvent) => boolean): Promise<number> {
    const until = Math.ceil(Date.now() / 1_000) + 1;
    const stream = await this.lab.manager.docker.getEvents({ since, until });
    let text = "";
    for await (const piece of stream) text += piece.toString();
    const events = text
      .split("\n")
      .filter(Boolean)
      .map((line) => JSON.parse(line) as EngineEvent);
    const found = events.find(isIt);
    if (!found) throw new Error("there was no such event");
    return found.timeNano;
  }

  async stop(): Promise<void> {
    await this.sql.end({ timeout: 1 });
    await Promise.all([this.lab.stop(), this.server.stop()]);
  }
}

export function network(Name: string) {
  return { Name, Labels: {}, Internal: true, Attachable: false, Encrypted: false };
}

/** A service with that role's name. The supervisor attaches its container, whatever runs in it. */
export function standInFor(role: string): ServiceSpec {
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
