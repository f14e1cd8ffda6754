import { join } from "node:path";
import { deriveToken } from "#shared/auth/tokens.ts";
import { signUpload, uploadPath } from "#shared/auth/upload-signature.ts";
import { deriveHotkey, type Hotkey } from "#shared/chain/hotkey.ts";
import type { Task } from "#shared/engine/engine.ts";
import type { JobResource } from "#shared/schemas/job.ts";
import { type Lab, startLab } from "../../lab/lab.ts";
import { waitFor } from "../wait-for.ts";

const root = join(import.meta.dir, "../../..");
const dist = join(root, "dist");
const up_ms_max = 170_000;

/** A whole platform on a lab: compiled roles in their images on the manager, jobs on the two workers. */
export interface PlatformWorld extends AsyncDisposable {
  readonly lab: Lab;
  readonly proxy_url: string;
  /** Runs the operator's command line on the manager. */
  cli(...words: string[]): Promise<string>;
  admin(
    method: string,
    path: string,
    body?: unknown,
  ): Promise<{ readonly status: number; readonly body: Record<string, unknown> }>;
  /** Calls the broker's job API as the challenge `slug`, from within its own network. */
  broker(
    slug: string,
    method: string,
    path: string,
    body?: unknown,
  ): Promise<{ readonly status: number; readonly body: string }>;
  /** Submits a job as `broker` does, and waits for its end. */
  runJob(slug: string, request: object): Promise<JobResource>;
  /** The manager's listening ports: those reachable from outside, and those on loopback only. */
  listening(protocol: "tcp" | "udp"): Promise<{ readonly open: number[]; readonly loopback: number[] }>;
  /** The HTTP status for `service` at this port of the broker's address on `network`; 0 when nobody listens. */
  reachBroker(service: string, network: string, portAndPath: string): Promise<number>;
  miner(index: number): Promise<Hotkey>;
  upload(slug: string, signer: Hotkey, body: Uint8Array, changes?: Record<string, string>): Promise<Response>;
  secrets(): Promise<readonly string[]>;
  /** Every task of jobs and stagers that was ever seen, by id. */
  readonly seen: ReadonlyMap<string, Task & { readonly Spec: { readonly Networks?: unknown } }>;
  nodeName(id: string): Promise<string>;
}

export async function startPlatform(): Promise<PlatformWorld> {
  const lab = await startLab();
  try {
    return await installed(lab);
  } catch (error) {
    await lab.stop();
    throw error;
  }
}

async function installed(lab: Lab): Promise<PlatformWorld> {
  const { manager, workers } = lab;
  const images = ["stager", "demo-job"].map((name) => join(dist, "images", `${name}.tar`));
  await Promise.all(workers.flatMap((worker) => images.map((image) => worker.loadImage(image))));
  const run = async (command: readonly string[], timeout_ms = 30_000): Promise<string> => {
    const { exitCode, stdout, stderr } = await manager.exec(command, { timeout_ms });
    if (exitCode !== 0) throw new Error(`${command[0]} ended with ${exitCode}: ${stderr}${stdout}`);
    return stdout;
  };
  const cli = (...words: string[]) => run([join(dist, "platform-platform"), ...words], up_ms_max);
  const paths = ["--dist", dist, "--unit-file", join(root, "deploy/systemd/platform-supervisor.service")];
  await cli("up", "--no-encryption", "--socket", "/run/docker.sock", ...paths);

  const read = async (name: string) => (await run(["cat", `/etc/platform/${name}`])).trim();
  const [token, masterKey] = await Promise.all([read("admin_token"), read("master_key")]);
  const adminSocket = join(manager.directory, "run/platform/admin/admin.sock");
  const proxy_url = `http://${manager.ip}:8080`;
  const watch = watchTasks(lab);
  const stop = async () => {
    watch.stop();
    await lab.stop();
  };
  const broker: PlatformWorld["broker"] = async (slug, method, path, body) => {
    const challenge = await containerOf(lab, `challenge-${slug}`);
    const broker = await containerOf(lab, "platform-broker");
    const address = broker.NetworkSettings.Networks[`platform_challenge_${slug}`]?.IPAddress;
    const headers = [
      `authorization: Bearer ${deriveToken(masterKey, "broker", slug, 1)}`,
      `x-platform-challenge-slug: ${slug}`,
      "content-type: application/json",
    ];
    const data = body === undefined ? [] : ["--data-binary", JSON.stringify(body)];
    const curl = [
      "curl",
      "-s",
      "-m",
      "70",
      "-X",
      method,
      "-w",
      "\n%{http_code}",
      ...headers.flatMap((line) => ["-H", line]),
      ...data,
    ];
    const answer = await run(
      ["nsenter", "--target", String(challenge.State.Pid), "--net", ...curl, `http://${address}:8082${path}`],
      75_000,
    );
    const at = answer.lastIndexOf("\n");
    return { status: Number(answer.slice(at + 1)), body: answer.slice(0, at) };
  };
  return {
    lab,
    proxy_url,
    cli,
    seen: watch.seen,
    async admin(method, path, body) {
      const response = await fetch(`http://admin${path}`, {
        unix: adminSocket,
        method,
        headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      return { status: response.status, body: (await response.json()) as Record<string, unknown> };
    },
    broker,
    async runJob(slug, request) {
      const accepted = await broker(slug, "POST", "/v1/jobs", request);
      if (accepted.status !== 202) throw new Error(accepted.body);
      const path = `/v1/jobs/${(JSON.parse(accepted.body) as JobResource).id}`;
      const look = async () => {
        const seen = JSON.parse((await broker(slug, "GET", `${path}?wait=20s`)).body) as JobResource;
        return seen.times.ended ? seen : null;
      };
      return await waitFor(look, { deadline_ms: 90_000, what: "the job's end" });
    },
    async listening(protocol) {
      const out = await run(["ss", "-H", "-l", "-n", `--${protocol}`]);
      const addresses = out
        .trim()
        .split("\n")
        .map((line) => line.trim().split(/\s+/)[3] ?? "");
      const isLoopback = (address: string) => /^(127\.|\[::1\])/.test(address);
      const ports = (wanted: boolean) => {
        const found = addresses.filter((address) => isLoopback(address) === wanted);
        return [...new Set(found.map((address) => Number(address.replace(/.*:/, ""))))].sort((a, b) => a - b);
      };
      return { open: ports(false), loopback: ports(true) };
    },
    async reachBroker(service, network, portAndPath) {
      const caller = await containerOf(lab, service);
      const broker = await containerOf(lab, "platform-broker");
      const url = `http://${broker.NetworkSettings.Networks[network]?.IPAddress}:${portAndPath}`;
      const curl = ["curl", "-s", "-m", "10", "-o", "/dev/null", "-w", "%{http_code}", url];
      const { stdout } = await manager.exec(["nsenter", "--target", String(caller.State.Pid), "--net", ...curl]);
      return Number(stdout);
    },
    async miner(index) {
      const seeds = JSON.parse(await read("demo-miners.json")) as string[];
      return await deriveHotkey(seeds[index] ?? "");
    },
    upload: (slug, signer, body, changes = {}) =>
      fetch(`${proxy_url}${uploadPath(slug)}`, {
        method: "POST",
        headers: {
          ...signUpload(signer, { netuid: 1, slug, body, timestamp: Math.floor(Date.now() / 1_000) }),
          ...changes,
        },
        body: new Uint8Array(body),
      }),
    secrets: async () => [token, masterKey, await read("postgres_password"), await read("database_url")],
    nodeName: async (id) =>
      ((await manager.docker.getNode(id).inspect()) as { Description: { Hostname: string } }).Description.Hostname,
    stop,
    [Symbol.asyncDispose]: stop,
  } as PlatformWorld;
}

/** Records tasks as they appear, because jobs' services are removed soon after their end. */
function watchTasks({ manager }: Lab) {
  const seen = new Map<string, Task>();
  let isOn = true;
  const watching = (async () => {
    while (isOn) {
      const tasks = (await manager.docker
        .listTasks({ filters: { label: ["platform.fleet=jobs"] } })
        .catch(() => [])) as unknown as Task[];
      for (const task of tasks) seen.set(task.ID, task);
      await Bun.sleep(150);
    }
  })();
  return {
    seen,
    stop() {
      isOn = false;
      void watching;
    },
  };
}

async function containerOf({ manager }: Lab, service: string) {
  const [found] = await manager.docker.listContainers({
    filters: { label: [`com.docker.swarm.service.name=${service}`] },
  });
  if (!found) throw new Error(`no container of ${service} runs`);
  return await manager.docker.getContainer(found.Id).inspect();
}
