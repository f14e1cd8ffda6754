import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { tarOf } from "../../support/builders/archives/tar-builder.ts";
import { waitFor } from "../../support/wait-for.ts";
import { type PlatformWorld, startPlatform } from "../../support/worlds/platform-world.ts";

const samples = join(import.meta.dir, "../../../roles/challenge/samples");
const program = (name: string) =>
  gzipSync(tarOf([{ name: "predict.awk", content: readFileSync(join(samples, name, "predict.awk")) }]));

interface Demo {
  readonly miners: readonly { readonly hotkey: string; readonly uid: number; readonly score: number }[];
  readonly epoch: number;
  readonly chain: { readonly weights: readonly (readonly [number, number])[] };
}

let platform: PlatformWorld;
let demo: Demo;

beforeAll(async () => {
  platform = await startPlatform();
  const out = await platform.cli("demo", "--json", "--samples", samples);
  demo = JSON.parse(out.trim().split("\n").at(-1) ?? "") as Demo;
}, 400_000);
afterAll(() => platform?.[Symbol.asyncDispose](), 60_000);

describe("a miner's submission", () => {
  test("becomes the score that its program earns", () => {
    expect(demo.miners.map(({ score }) => score)).toEqual([1, 0.5, 0.25]);
  });

  test("becomes an exact share of the vector", async () => {
    const response = await fetch(`${platform.proxy_url}/v1/weights/latest`);
    const vector = (await response.json()) as {
      uids: number[];
      weights: number[];
      hotkey_weights: Record<string, number>;
    };
    const shares = [4 / 7, 2 / 7, 1 / 7];
    for (const [index, { hotkey, uid }] of demo.miners.entries()) {
      expect(vector.hotkey_weights[hotkey]).toBeCloseTo(shares[index] ?? 0, 12);
      expect(vector.weights[vector.uids.indexOf(uid)]).toBeCloseTo(shares[index] ?? 0, 12);
    }
  });

  test("stands on the chain as its u16", () => {
    const wanted = demo.miners.map(({ uid }, index) => [uid, [65_535, 32_768, 16_384][index]]);
    expect(demo.chain.weights.map((entry) => [...entry])).toEqual(wanted as number[][]);
  });

  test("ran on the CPU worker, or on the GPU worker with a GPU when its challenge asks for one", async () => {
    const record = (await platform.admin("GET", "/v1/admin/challenges/demo")).body["spec"] as Record<string, object>;
    const own = { slug: "demo-gpu", name: "Demonstration on GPUs", emission_percent: 0 };
    const gpu = {
      ...record,
      ...own,
      env: { ...record["env"], DEMO_GPU_COUNT: "1" },
      jobs: { ...record["jobs"], gpu_count_max: 1 },
    };
    expect((await platform.admin("POST", "/v1/admin/challenges", gpu)).status).toBe(201);
    expect((await platform.admin("POST", "/v1/admin/challenges/demo-gpu/activate")).status).toBe(200);
    const signer = await platform.miner(0);
    const accepted = await waitFor(
      async () => {
        const response = await platform.upload("demo-gpu", signer, program("exact"));
        return response.status === 202 ? ((await response.json()) as { id: string }) : null;
      },
      { deadline_ms: 60_000, every_ms: 500, what: "the GPU challenge" },
    );
    const scored = await waitFor(
      async () => {
        const response = await fetch(`${platform.proxy_url}/v1/challenges/demo-gpu/submissions/${accepted.id}`);
        const submission = (await response.json()) as {
          status: string;
          score: number;
          details: { gpu: string; node_class: string };
        };
        return submission.status === "scored" ? submission : null;
      },
      { deadline_ms: 90_000, every_ms: 250, what: "the GPU submission's score" },
    );
    expect(scored).toMatchObject({ score: 1, details: { node_class: "gpu" } });
    expect(scored.details.gpu).toMatch(/^GPU-[01]$/);
    const nodes = await Promise.all(
      [...platform.seen.values()].map(async ({ NodeID, Spec }) => {
        const labels = Spec.ContainerSpec?.Labels ?? {};
        return [
          labels["platform.kind"],
          labels["platform.challenge"],
          NodeID ? await platform.nodeName(NodeID) : "",
        ] as const;
      }),
    );
    const jobsOf = (challenge: string) =>
      new Set(nodes.filter(([kind, of]) => kind === "job" && of === challenge).map(([, , node]) => node));
    expect(jobsOf("demo")).toEqual(new Set(["worker-cpu"]));
    expect(jobsOf("demo-gpu")).toEqual(new Set(["worker-gpu"]));
  }, 180_000);
});

describe("a job", () => {
  const probe = `exec >/output/proof.txt 2>&1
    cat /proc/self/status; id -u; ls -ln /input; sha256sum /input/data.txt; stat -c 'mode %a' /input/data.txt
    echo "routes:"; ip route; echo "end of routes"
    touch /forbidden || echo "root is read-only"
    touch /input/forbidden || echo "input is read-only"
    for address in $TARGETS; do timeout 3 nc -w 1 $address 22 </dev/null && echo "REACHED $address"; done
    tr '\\0' '\\n' </proc/1/environ`;

  test("gets its inputs, brings back its output, and reaches nobody and nothing", async () => {
    const data = Buffer.from("the input of the job\n");
    const input = gzipSync(tarOf([{ name: "data.txt", content: data, mode: 0o777 }])).toString("base64");
    const { ip } = platform.lab.manager;
    const job = await platform.runJob("demo", {
      image: "platform/demo-job:0.1.0",
      command: ["sh", "-c", probe],
      env: {
        TARGETS: `${ip} ${ip.replace(/\d+$/, "1")} 1.1.1.1`,
        LITERAL: "{{.Node.Hostname}}",
      },
      mounts: [
        { target: "/input", read_only: true, archive_b64: input },
        { target: "/output", read_only: false },
      ],
      limits: { cpus: 0.5, memory: "64m", user: "65534:65534" },
    });
    expect(job).toMatchObject({ state: "succeeded", node_class: "cpu", exit_code: 0, artifacts_complete: true });
    const proof = (await platform.broker("demo", "GET", `/v1/jobs/${job.id}/artifacts/1`)).body;
    expect(proof).toMatch(/CapEff:\s+0{16}/);
    expect(proof).toMatch(/CapBnd:\s+0{16}/);
    expect(proof).toMatch(/NoNewPrivs:\s+1/);
    expect(proof).toMatch(/Seccomp:\s+2/);
    expect(proof).toContain(`${new Bun.CryptoHasher("sha256").update(data).digest("hex")}  /input/data.txt`);
    expect(proof).toContain("mode 755");
    expect(proof).toContain("root is read-only");
    expect(proof).toContain("input is read-only");
    expect(proof).toMatch(/routes:\n(10\.[^\n]* dev eth0[^\n]*\n)?end of routes/);
    expect(proof).not.toContain("REACHED");
    expect(proof).toContain("LITERAL={{.Node.Hostname}}");
    for (const secret of await platform.secrets()) expect(proof).not.toContain(secret);
  }, 120_000);
});

describe("a stranger", () => {
  test("finds the proxy and the Swarm listening, and nothing else", async () => {
    expect(await platform.listening("tcp")).toEqual({ open: [2377, 7946, 8080], loopback: [8081, 8090, 9944] });
    expect((await platform.listening("udp")).open).toEqual([4789, 7946]);
  });

  test("changes nothing of the development chain, not even from the manager's loopback", async () => {
    const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "dev_registerNeuron", params: [1, { hotkey: "x" }] });
    const curl = (address: string) => ["curl", "-s", "-m", "5", "-d", body, `http://${address}:9944`];
    const { manager, workers } = platform.lab;
    expect((await workers[0]?.exec(curl(manager.ip)))?.exitCode).toBe(7);
    expect((await manager.exec(curl("127.0.0.1"))).stdout).toContain('"message":"Method not found"');
  });
});

describe("what is not wanted", () => {
  test.each([
    ["an unsigned upload", "demo", { "x-signature": "" }, 401, "missing x-signature"],
    ["a stale one", "demo", { "x-timestamp": "1700000000" }, 401, "stale signature"],
    ["one with another's signature", "demo", { "x-signature": "00".repeat(64) }, 401, "invalid signature"],
    ["one for an unknown challenge", "nobody", {}, 404, "Challenge not found"],
  ])("%s is refused", async (_what, slug, changes, status, detail) => {
    const response = await platform.upload(slug, await platform.miner(0), program("exact"), changes);
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({ status, detail });
  });

  test("a replayed upload and an oversized one are refused", async () => {
    const signer = await platform.miner(1);
    const nonce = crypto.randomUUID();
    const huge = await platform.upload("demo", signer, new Uint8Array(7_500_001), { "x-nonce": nonce });
    expect([huge.status, ((await huge.json()) as { detail: string }).detail]).toEqual([413, "Submission too large"]);
    const { signUpload, uploadPath } = await import("#shared/auth/upload-signature.ts");
    const body = new Uint8Array(program("constant"));
    const headers = signUpload(signer, { netuid: 1, slug: "demo", body, timestamp: Math.floor(Date.now() / 1_000) });
    const send = () => fetch(`${platform.proxy_url}${uploadPath("demo")}`, { method: "POST", headers, body });
    expect((await send()).status).toBe(202);
    const again = await send();
    expect([again.status, ((await again.json()) as { detail: string }).detail]).toEqual([409, "nonce already used"]);
  });

  test("an image that is not allowed and a broken archive leave nothing behind", async () => {
    const image = await platform.broker("demo", "POST", "/v1/jobs", {
      job_id: "refused",
      image: "busybox:1",
      command: ["true"],
    });
    expect([image.status, JSON.parse(image.body).detail]).toEqual([400, "Docker image is not allowed: busybox:1"]);
    const mounts = [{ target: "/input", archive_b64: Buffer.from("no tar at all").toString("base64") }];
    const request = { job_id: "refused", image: "platform/demo-job:0.1.0", command: ["true"], mounts };
    const archive = await platform.broker("demo", "POST", "/v1/jobs", request);
    expect([archive.status, JSON.parse(archive.body).detail]).toEqual([400, "invalid mount archive"]);
    const kept = await platform.broker("demo", "GET", "/v1/jobs?job_id=refused");
    expect(JSON.parse(kept.body)).toEqual({ items: [], next_cursor: null });
  });

  test("secrets of the control plane are in no spec, environment or log of a challenge, job or stager", async () => {
    const { docker } = platform.lab.manager;
    const services = await docker.listServices({ filters: { label: ["platform.kind=challenge"] } });
    const logs = await Promise.all(
      services.map(({ ID }) => docker.getService(ID).logs({ stdout: true, stderr: true, follow: false })),
    );
    const visible = JSON.stringify([services, [...platform.seen.values()], logs.map(String)]);
    expect(services.length).toBeGreaterThan(0);
    expect(platform.seen.size).toBeGreaterThan(0);
    for (const secret of await platform.secrets()) expect(visible).not.toContain(secret);
  });

  test("the broker's job API answers on challenges' networks, its transfer routes on the stagers' alone", async () => {
    const reach = platform.reachBroker;
    const challenges = "platform_challenge_demo";
    expect(await reach("challenge-demo", challenges, "8082/health")).toBe(200);
    expect(await reach("challenge-demo", challenges, "8083/v1/transfer/x/inputs/0")).toBe(0);
    expect(await reach("platform-broker", "platform_transfer", "8082/health")).toBe(404);
    expect(await reach("platform-broker", "platform_transfer", "8083/v1/transfer/x/inputs/0")).toBe(401);
  });

  test("nothing of the jobs that ended is left: no service, no network", async () => {
    await waitFor(
      async () => {
        const { docker } = platform.lab.manager;
        const services = await docker.listServices({ filters: { label: ["platform.fleet=jobs"] } });
        const networks = await docker.listNetworks({ filters: { label: ["platform.fleet=jobs"] } });
        return services.length + networks.length === 0;
      },
      { deadline_ms: 60_000, every_ms: 500, what: "the end of all that jobs left" },
    );
  }, 70_000);
});

describe("an operator", () => {
  interface Worker {
    readonly hostname: string;
    readonly availability: string;
    readonly order: { readonly kind: string } | null;
  }
  const worker = async () =>
    (JSON.parse(await platform.cli("worker", "list")) as Worker[]).find(({ hostname }) => hostname === "worker-gpu");

  test("drains a worker by its name, and has it back", async () => {
    await platform.cli("worker", "drain", "worker-gpu", "--deadline-seconds", "5");
    expect((await worker())?.order?.kind).toBe("drain");
    const until = (availability: string, kind: string | undefined) =>
      waitFor(
        async () => {
          const seen = await worker();
          return seen?.availability === availability && seen.order?.kind === kind;
        },
        { deadline_ms: 60_000, every_ms: 250, what: `the worker ${availability}` },
      );
    await until("drain", "drain");
    await platform.cli("worker", "activate", "worker-gpu");
    await until("active", undefined);
    expect(platform.cli("worker", "drain", "nobody")).rejects.toThrow("there is no node nobody");
  }, 150_000);
});

describe("what is down", () => {
  const scale = (service: string, replicas: number) =>
    platform.lab.manager.exec(["docker", "service", "scale", "--detach", `${service}=${replicas}`]);
  const detailOf = async (path: string) => {
    const response = await fetch(`${platform.proxy_url}${path}`);
    return [response.status, ((await response.json()) as { detail?: string }).detail] as const;
  };

  test("a challenge that is dead is 502 or 503, and tells nothing of itself", async () => {
    await scale("challenge-demo-gpu", 0);
    const [status, detail] = await waitFor(
      async () => {
        const seen = await detailOf("/challenges/demo-gpu/v1/leaderboard");
        return seen[0] === 200 ? null : seen;
      },
      { deadline_ms: 40_000, every_ms: 250, what: "the end of the challenge" },
    );
    expect([502, 503]).toContain(status);
    expect(detail).not.toMatch(/10\.\d|8000|challenge-demo/);
  }, 50_000);

  test("a chain that is away does not keep epochs from being sealed", async () => {
    const epochOf = async () =>
      ((await (await fetch(`${platform.proxy_url}/v1/weights/latest`)).json()) as { epoch: number }).epoch;
    await scale("platform-devchain", 0);
    await waitFor(
      async () =>
        !(await platform.lab.manager.exec(["docker", "ps", "-q", "-f", "name=platform-devchain"])).stdout.trim(),
      { deadline_ms: 40_000, every_ms: 250, what: "the end of the chain" },
    );
    const before = await epochOf();
    await waitFor(async () => (await epochOf()) > before + 1, {
      deadline_ms: 60_000,
      every_ms: 500,
      what: "two more epochs",
    });
  }, 110_000);
});
