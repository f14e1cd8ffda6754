import { expect, test } from "bun:test";
import { startChallenge, startProxy } from "../../support/worlds/proxy-world.ts";

test("a submission is read from the challenge, and nothing else is", async () => {
  const challenge = await startChallenge();
  const proxy = await startProxy({ upstream: challenge.url });
  expect((await fetch(`${proxy.url}/v1/challenges/My%20demo/submissions/s-1?full=1`)).status).toBe(200);
  expect(challenge.received[0]?.url).toBe("/v1/submissions/s-1?full=1");
  for (const id of ["%2e%2e%2f%2e%2e%2finternal", "a%2Fb", "a%5cb", "a%252fb", "%00"]) {
    expect((await fetch(`${proxy.url}/v1/challenges/demo/submissions/${id}`)).status).toBe(404);
  }
  expect(challenge.received).toHaveLength(1);
  await proxy.stop();
  challenge.stop();
});
