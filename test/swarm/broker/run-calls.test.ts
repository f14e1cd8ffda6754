import { afterAll, beforeAll, expect, test } from "bun:test";
import { jobImageName } from "../../lab/job-image.ts";
import { BrokerLab, small } from "../../support/worlds/broker-lab.ts";

let world: BrokerLab;
beforeAll(async () => {
  world = await BrokerLab.start();
}, 90_000);
afterAll(() => world[Symbol.asyncDispose](), 60_000);

interface RunAnswer {
  readonly status: number;
  readonly stdout?: string;
  readonly stderr?: string;
}

/** The first generation's run call for a shell's script. */
async function run(script: string, more: object = {}): Promise<RunAnswer> {
  const request = { image: jobImageName, command: ["sh", "-c", script], limits: small, ...more };
  const answer = await world.ask("/v1/docker/run", { method: "POST", body: JSON.stringify(request) });
  return { ...((await answer.json()) as Omit<RunAnswer, "status">), status: answer.status };
}

test("a run call that timed out answers what its job had printed, though it has no writable mount", async () => {
  const talking = "i=0; while :; do i=$((i+1)); echo line $i; sleep 0.1; done";
  for (const script of ["echo before; echo beside >&2; sleep 60", talking]) {
    const answer = await run(script, { timeout_seconds: 3 });
    expect(answer).toMatchObject({ status: 200, returncode: 124, timed_out: true });
    expect(answer.stdout).toMatch(script === talking ? /^line 1\nline 2\n/ : /^before\n$/);
    expect(answer.stderr).toBe(script === talking ? "" : "beside\n");
  }
}, 90_000);

test("a run call answers the end of a log of a million lines", async () => {
  const { stdout, ...answer } = await run("busybox seq 1 1000000; echo bye >&2", { limits: { ...small, cpus: 1 } });
  expect(answer).toMatchObject({ status: 200, returncode: 0, timed_out: false });
  expect(stdout).toEndWith("\n999998\n999999\n1000000\n");
}, 120_000);
