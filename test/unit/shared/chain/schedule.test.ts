import { describe, expect, test } from "bun:test";
import {
  type EpochState,
  isWindowOpen,
  NoScheduleError,
  nextEpochBlock,
  revealBlock,
  revealRound,
  roundTime,
} from "#shared/chain/schedule.ts";

const stateful = (fields: Partial<Extract<EpochState, { kind: "stateful" }>>): EpochState => ({
  kind: "stateful",
  tempo: 50,
  last_epoch_block: 10,
  pending_epoch_at: 0,
  epoch_index: 7,
  blocks_since_last_step: 0,
  ...fields,
});

describe("the schedule", () => {
  test("opens the window when the rate limit is over or nothing was ever set", () => {
    expect(isWindowOpen(5, 0, 100)).toBe(true);
    expect(isWindowOpen(109, 10, 100)).toBe(false);
    expect(isWindowOpen(110, 10, 100)).toBe(true);
  });

  test("finds the reveal block of the published vectors", () => {
    expect(revealBlock(stateful({}), 10, 1)).toBe(60);
    expect(revealBlock(stateful({ last_epoch_block: 80, pending_epoch_at: 95, tempo: 20 }), 91, 1)).toBe(95);
    expect(() => revealBlock(stateful({ tempo: 0 }), 10, 1)).toThrow(NoScheduleError);
  });

  test("counts from behind an epoch that fires in the landing block", () => {
    expect(revealBlock(stateful({}), 59, 1)).toBe(110);
    expect(revealBlock(stateful({}), 58, 1)).toBe(60);
    expect(revealBlock(stateful({}), 10, 2)).toBe(110);
    expect(revealBlock(stateful({ last_epoch_block: 80, pending_epoch_at: 95, tempo: 20 }), 94, 1)).toBe(115);
  });

  test("computes epochs from the block number before the stateful runtimes", () => {
    // epoch(b) = (b + 1 + 1) div 51: 49 is the first block of epoch 1.
    const computed: EpochState = { kind: "computed", tempo: 50, netuid: 1 };
    expect(nextEpochBlock(computed, 10)).toBe(49);
    expect(revealBlock(computed, 10, 1)).toBe(49);
    expect(revealBlock(computed, 48, 1)).toBe(100);
  });

  test("forces a step when none ran for 50,400 blocks", () => {
    expect(
      nextEpochBlock(stateful({ tempo: 65535, last_epoch_block: 0, blocks_since_last_step: 50_400 }), 60_000),
    ).toBe(60_001);
  });

  test("names a round that is public three blocks into the reveal epoch, at least 1", () => {
    const now_ms = 1_700_000_000_000;
    const round = revealRound({
      state: stateful({}),
      head: 10,
      reveal_period_epochs: 1,
      now_ms,
      block_time_ms: 12_000,
    });
    const target_ms = now_ms + 53 * 12_000;
    expect(roundTime(round)).toBeLessThanOrEqual(target_ms);
    expect(roundTime(round + 1)).toBeGreaterThan(target_ms);
    expect(revealRound({ state: stateful({}), head: 10, reveal_period_epochs: 1, now_ms: 0, block_time_ms: 1 })).toBe(
      1,
    );
  });
});
