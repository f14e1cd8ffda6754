import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { limits } from "#shared/schemas/limits.ts";
import type { Slug } from "#shared/schemas/names.ts";
import { inputFrom, msUntilDue, vectorOf } from "../../../roles/aggregator/decide.ts";

const asked = { slug: "dice" as Slug, emission_percent: 50, ms: 7 };

describe("what counts of a challenge in an epoch", () => {
  test("is its answer, whatever it answered before", () => {
    const answer = { weights: { a: 1 }, challenge_epoch: 3 };
    const input = inputFrom(asked, { ok: true, answer }, { epoch: 8, weights: { b: 1 } });
    expect(input).toEqual({ ...asked, ok: true, error: null, stale_from_epoch: null, ...answer });
  });
  test("is its last good answer where it gave none, and that is said", () => {
    const input = inputFrom(asked, { ok: false, error: "silent" }, { epoch: 8, weights: { b: 1 } });
    const stale = { stale_from_epoch: 8, challenge_epoch: null, weights: { b: 1 } };
    expect(input).toEqual({ ...asked, ok: false, error: "silent", ...stale });
  });
  test("is nothing where it never answered", () => {
    const input = inputFrom(asked, { ok: false, error: "x".repeat(10_000) }, undefined);
    expect(input).toMatchObject({ ok: false, stale_from_epoch: null, weights: {} });
    expect(input.error).toHaveLength(limits.weights.error_chars_max);
  });
});

test("a vector says when it was computed and until when it is good, and sums up hotkeys that the subnet does not have", () => {
  const now_ms = Date.UTC(2026, 0, 1);
  const policy = { under_100_policy: "burn", burn_uid: 0 } as never;
  const metagraph = { uid_by_hotkey: new Map([["a", 4]]), updated_at: new Date(now_ms - 1_000), block: 9 } as never;
  const answer = { weights: { a: 1, x: 2, y: 3 }, challenge_epoch: null };
  const terms = { netuid: 1, chainEndpoint: "ws://chain", policy, vector_ttl_ms: 60_000 };
  const { sealed, published } = vectorOf(
    terms,
    { epoch: 5, now_ms },
    [inputFrom(asked, { ok: true, answer }, undefined)],
    metagraph,
  );
  expect(sealed).toMatchObject({
    netuid: 1,
    epoch: 5,
    computed_at: "2026-01-01T00:00:00.000Z",
    expires_at: "2026-01-01T00:01:00.000Z",
  });
  expect(published).toMatchObject({ ...sealed, metagraph_block: 9, metagraph_updated_at: "2025-12-31T23:59:59.000Z" });
  expect(published.source_challenges).toMatchObject([{ weights: { a: 1 }, unknown_hotkeys: 2, unknown_weight: 5 }]);
});

describe("the next epoch", () => {
  test("is due at once where none was sealed", () => expect(msUntilDue(null, 5, 100)).toBe(0));
  test("is due an epoch after the last one", () => {
    expect(msUntilDue(1_000, 1_030, 100)).toBe(70);
    expect(msUntilDue(1_000, 1_101, 100)).toBe(0);
  });
  test("is never more than an epoch away, whatever the wall clock did", () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer(), fc.nat(), (last_ms, now_ms, epoch_ms) => {
        const wait_ms = msUntilDue(last_ms, now_ms, epoch_ms);
        expect(wait_ms >= 0 && wait_ms <= epoch_ms).toBe(true);
      }),
    );
  });
});
