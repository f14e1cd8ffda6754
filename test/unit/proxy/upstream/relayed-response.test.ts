import { expect, test } from "bun:test";
import type { Writable } from "node:stream";
import { RelayedResponse } from "../../../../roles/proxy/upstream/relayed-response.ts";
import type { UpstreamAnswer } from "../../../../roles/proxy/upstream/running-exchange.ts";
import { UpstreamError } from "../../../../roles/proxy/upstream/upstream-error.ts";
import { waitFor } from "../../../support/wait-for.ts";

/** An upstream's answer whose body the test sends by hand. */
function answerByHand(status = 200) {
  const end = Promise.withResolvers<void>();
  const state = { isDiscarded: false, end, sink: undefined as Writable | undefined };
  const answer: UpstreamAnswer = {
    status,
    reason: "",
    headers: [["Content-Type", "text/plain"]],
    isKeptAlive: true,
    body_bytes: null,
    isWhole: () => false,
    aheadBytes: () => 5,
    pipeTo: (sink) => {
      state.sink = sink;
      return end.promise;
    },
    discard: () => {
      state.isDiscarded = true;
    },
  };
  return { answer, state };
}

test("a relayed body is taken from the upstream piece by piece, each when it is read", async () => {
  const { answer, state } = answerByHand();
  const reader = new RelayedResponse(answer, "GET").body?.getReader();
  const taken: string[] = [];
  for (const piece of ["one", "two"]) state.sink?.write(Buffer.from(piece), () => taken.push(piece));
  await Bun.sleep(0);
  expect(taken).toEqual([]);
  expect(String(Buffer.from((await reader?.read())?.value ?? []))).toBe("one");
  await waitFor(() => taken.length > 0, { what: "the first piece" });
  expect(taken).toEqual(["one"]);
  state.sink?.end();
  expect(String(Buffer.from((await reader?.read())?.value ?? []))).toBe("two");
  expect((await reader?.read())?.done).toBe(true);
});

test("a relayed body counts what has come and was not read, in the upstream's socket too", async () => {
  const { answer, state } = answerByHand();
  const response = new RelayedResponse(answer, "GET");
  state.sink?.write(Buffer.alloc(100));
  state.sink?.write(Buffer.alloc(20));
  expect(response.aheadBytes()).toBe(125);
  await response.body?.getReader().read();
  await waitFor(() => response.aheadBytes() === 25, { what: "one piece less" });
});

test("a relayed body whose upstream breaks off fails in its reader", async () => {
  const { answer, state } = answerByHand();
  const response = new RelayedResponse(answer, "GET");
  state.end.reject(new UpstreamError("broken", "the connection broke"));
  await expect(response.text()).rejects.toThrow("the connection broke");
});

test("a relayed body that nobody wants any more is given up at the upstream", async () => {
  const { answer, state } = answerByHand();
  await new RelayedResponse(answer, "GET").body?.cancel();
  expect(state.isDiscarded).toBe(true);
});

test.each([
  ["HEAD", 200],
  ["GET", 204],
  ["GET", 304],
])("a relayed answer to %s with status %p has no body", (method, status) => {
  const { answer, state } = answerByHand(status);
  expect(new RelayedResponse(answer, method).body).toBeNull();
  expect(state.sink).toBeUndefined();
});
